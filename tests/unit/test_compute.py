"""Partitions give the same digest in this process, in two, and on a Dask cluster that loses a worker midway."""

import os
import socket
import subprocess
import sys
import time

import pytest

from deskloop import compute
from deskloop.bench.scale import write
from deskloop.errors import BadInput
from deskloop.partitions import clean_part, prepare_parts, save_parts
from deskloop.settings import FilesSource, Settings
from deskloop.sources import files


@pytest.fixture
def made(tmp_path):
    assert write(tmp_path / "m.jsonl", 1200, seed=3) >= 0.9
    source = FilesSource(kind="files", name="made", path=tmp_path / "m.jsonl", content="messages")
    settings = Settings(home=tmp_path / "home", sources=(source,))

    def parts(name):
        return save_parts(files.read_parts(source, settings, 150), tmp_path / name)

    return settings, parts


def start(*arguments):
    command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ})


@pytest.fixture
def cluster():
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    common = ("--host", "127.0.0.1")
    running = [start("scheduler", *common, "--port", str(port), "--no-dashboard")]
    each = ("--no-dashboard", "--no-nanny", "--nthreads", "1")
    running += [start("worker", address, *common, *each) for _ in range(2)]
    yield address, running[1:]
    for process in running:
        process.kill()
        process.wait()


def test_two_processes_and_a_dask_cluster_that_loses_a_worker_give_the_same(made, cluster):
    settings, parts = made
    alone = prepare_parts(parts("alone"), settings, compute.here)
    assert alone["read"] == alone["accepted"] + alone["quarantined"] == 1200
    with compute.processes(2) as each:
        assert prepare_parts(parts("two"), settings, each) == alone
    address, workers = cluster
    from distributed import Client

    with Client(address, timeout="30s", set_as_default=False) as client:
        client.wait_for_workers(2, timeout=30)
    calls = []

    def losing(function, arguments):
        calls.append(function)
        if function is clean_part:
            import threading

            first = parts_folder[0] / "table.parquet"

            def kill():
                while not first.exists():
                    time.sleep(0.01)
                workers[0].kill()

            threading.Thread(target=kill, daemon=True).start()
        return on_dask(function, arguments)

    parts_folder = parts("dask")
    with compute.dask(address) as on_dask:
        assert prepare_parts(parts_folder, settings, losing) == alone
    workers[0].wait(timeout=10)
    assert workers[0].returncode != 0
    assert workers[1].poll() is None
    assert len(calls) == 2


def test_no_scheduler_is_told_in_one_line():
    pytest.importorskip("distributed")
    with pytest.raises(BadInput, match="no Dask scheduler"), compute.dask("tcp://127.0.0.1:9", timeout=0.5):
        pass
