"""Preprocessing where `compute` says: the same dataset from threads, processes and a cluster that loses a worker."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deskloop.bench.scale import write
from deskloop.errors import BadInput
from deskloop.records import Dataset
from deskloop.sources.identity import KEY_FILE
from deskloop.tether import Tether

ROWS = 900


@pytest.fixture
def prepare(tmp_path: Path, task_runs: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """Run the prepare flow in a home of its own: `prepare(name, **compute)`; returns dataset and task runs."""
    from deskloop.requests import PrepareRequest
    from flows.prepare import prepare as flow

    assert write(tmp_path / "m.jsonl", ROWS, seed=3) >= 0.9
    source = {"kind": "files", "name": "made", "path": str(tmp_path / "m.jsonl"), "content": "messages"}

    def run(name: str, **compute: Any) -> Any:
        config = tmp_path / f"{name}.yaml"
        values = {"home": name, "sources": [source], "compute": {"partition_rows": 150, **compute}}
        config.write_text(json.dumps(values))
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / KEY_FILE).write_bytes(b"k" * 64)  # else customers' hashes differ between homes
        state = flow(PrepareRequest(config=str(config)), return_state=True)
        runs = task_runs(state.state_details.flow_run_id, "preprocess") if state.is_completed() else {}
        return state.result(raise_on_failure=False), runs

    run.messages = tmp_path / "m.jsonl"  # type: ignore[attr-defined]
    return run


def tables(dataset: Dataset) -> dict[str, str]:
    """Digests of what is the same wherever it was made."""
    return {name: getattr(dataset, name).sha256 for name in ("conversations", "messages", "knowledge", "quarantine")}


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.dask_{arguments[0]}", *arguments[1:]]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def cluster(tether: Tether) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler and two workers, as processes of their own."""
    pytest.importorskip("prefect_dask")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    common = ("--host", "127.0.0.1", "--no-dashboard")
    running = [start("scheduler", *common, "--port", address.rpartition(":")[2])]
    running += [start("worker", address, *common, "--no-nanny", "--nthreads", "1") for _ in range(2)]
    for process in running:
        tether.hold(process.pid)
    yield address, running[1:]
    for process in running:
        process.kill()
        process.wait()


def test_threads_processes_and_a_cluster_that_loses_a_worker_give_the_same(
    prepare: Callable[..., Any], cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    alone, _ = prepare("threads", runner="threads")
    two, _ = prepare("processes", runner="processes", workers=2)
    assert tables(two) == tables(alone)

    address, workers = cluster
    from distributed import Client

    with Client(address, timeout="30s", set_as_default=False) as client:
        client.wait_for_workers(2, timeout=30)

    def lose_one() -> None:
        objects = tmp_path / "dask" / "store" / "objects"
        while not list(objects.glob("*/opening-keys.npy")):
            time.sleep(0.01)
        workers[0].kill()

    threading.Thread(target=lose_one, daemon=True).start()
    far, _ = prepare("dask", runner="dask", scheduler=address)
    assert tables(far) == tables(alone)
    assert workers[0].wait(timeout=10) != 0 and workers[1].poll() is None


def test_rows_appended_to_a_file_have_only_their_own_partition_cleaned(prepare: Callable[..., Any]) -> None:
    _, first = prepare("home", runner="threads")
    assert sum(name.startswith("clean") for name in first) == ROWS / 150
    with prepare.messages.open("a") as stream:  # type: ignore[attr-defined]
        stream.write(json.dumps({"id": "new", "text": "Do you also repair the zip of an old tent?"}) + "\n")
    _, second = prepare("home", runner="threads")
    states = [run.state_name for name, run in second.items() if name.startswith("clean")]
    assert sorted(states) == [*["Cached"] * 6, "Completed"]


def test_no_scheduler_is_told_in_one_line(prepare: Callable[..., Any]) -> None:
    pytest.importorskip("prefect_dask")
    error, _ = prepare("nobody", runner="dask", scheduler="tcp://127.0.0.1:9")
    assert isinstance(error, BadInput) and "no Dask scheduler at tcp://127.0.0.1:9" in str(error)
