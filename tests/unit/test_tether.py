import os
import signal
import subprocess
import sys
import time

import pytest

PARENT = """
import signal, sys, time
from pathlib import Path
from deskloop.host import Host
from deskloop.settings import Settings
with Host(Settings(home=Path(sys.argv[1]))) as host:
    host.start("child", "-c", "import subprocess, sys, time; subprocess.Popen(['sleep', '100']); time.sleep(100)")
    print(host.children["child"].pid, flush=True)
    host.watch()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_children_and_grandchildren_end_with_a_parent_that_is_killed(number, tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    group = int(parent.stdout.readline())
    assert alive(group)
    parent.send_signal(number)
    parent.communicate(timeout=20)
    deadline = time.monotonic() + 20
    while alive(group):
        assert time.monotonic() < deadline, "the children live on"
        time.sleep(0.05)


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
