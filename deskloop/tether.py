"""Processes that end when this one does, however it ends: a killed parent stops nothing.

A shell waits at a pipe whose other end this process alone holds, and at its end stops what it was told of.
Knows nothing about what the processes do.
"""

from __future__ import annotations

import subprocess

_WATCH = """
trap '' INT TERM HUP
while read -r child; do children="$children $child"; done
kill -s TERM -- $children
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -s 0 -- $children || exit; sleep 1; done
kill -s KILL -- $children
"""


class Tether:
    """Ends the processes it holds, after 10 s for good, once this process is gone and has not cut it before."""

    def __init__(self) -> None:
        quiet = subprocess.DEVNULL
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH],
            stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True, text=True,
        )  # fmt: skip

    def hold(self, process: int) -> None:
        """Hold a process by its id, or a whole group by its id, negative."""
        print(process, file=self._shell.stdin, flush=True)

    def cut(self) -> None:
        """Let all go: whoever started them has stopped them."""
        self._shell.kill()
        self._shell.communicate()
