"""One Prefect server for all flow tests, and what they ask of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from deskloop.database import connect
from deskloop.releases import Releases
from deskloop.settings import Settings, load
from deskloop.tether import Tether


@dataclass
class Ran:
    """A run of the train flow: its outcome (or what it raised), and each task run's final state and tries."""

    outcome: Any
    states: dict[str, str]
    tries: dict[str, int]

    @property
    def fresh(self) -> set[str]:
        """Tasks whose body ran."""
        return {name for name, state in self.states.items() if state != "Cached"}


@pytest.fixture(scope="session", autouse=True)
def prefect_server(tmp_path_factory: pytest.TempPathFactory, tether: Tether) -> Iterator[None]:
    """A Prefect server with a database and results of its own."""
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, PREFECT_SERVER_ANALYTICS_ENABLED, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    own = {
        PREFECT_LOCAL_STORAGE_PATH: tmp_path_factory.mktemp("results"),
        PREFECT_SERVER_ANALYTICS_ENABLED: False,
    }
    with temporary_settings(own), prefect_test_harness(server_startup_timeout=120):
        [server] = [child for child in psutil.Process().children() if "uvicorn" in child.cmdline()]
        tether.hold(server.pid)
        yield


@pytest.fixture
def train(tiny_project: Path, task_runs: Callable[..., dict[str, Any]]) -> Callable[..., Ran]:
    """Run the train flow on the tiny shop: `train(**fields of the request)`."""
    from prefect import State

    from deskloop.requests import TrainRequest
    from flows.train import train as flow

    def run(**request: Any) -> Ran:
        state: State[Any] = flow(
            TrainRequest(config=str(tiny_project / "deskloop.yaml"), **request), return_state=True
        )
        outcome = state.result(raise_on_failure=False)
        runs = task_runs(state.state_details.flow_run_id, "deploy" if state.is_completed() else "acquire-")
        states = {name: run.state_name for name, run in runs.items()}
        return Ran(outcome, states, {name: run.run_count for name, run in runs.items()})

    return run


@pytest.fixture
def task_runs() -> Callable[..., dict[str, Any]]:
    """See `_task_runs`."""
    return _task_runs


def _task_runs(flow_run: Any, last: str) -> dict[str, Any]:
    """Task runs by name, as soon as all have ended.

    Prefect's server learns of a task's end by an event, a moment after the flow's; `last` begins the name of
    the one that it learns of last.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    deadline = time.monotonic() + 30
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run]))
    with get_client(sync_client=True) as client:
        while True:
            runs = client.read_task_runs(flow_run_filter=mine)
            told = any(run.name.startswith(last) for run in runs) and all(
                run.state and run.state.is_final() for run in runs
            )
            if told or time.monotonic() > deadline:
                return _named(runs)
            time.sleep(0.05)


def _named(runs: list[Any]) -> dict[str, Any]:
    """By name without the random ending that Prefect gives one; of a mapped task `clean`, `clean-2`, ..."""
    found: dict[str, Any] = {}
    for run in runs:
        name = run.name if run.name.startswith("acquire-") else run.name.rpartition("-")[0]
        count = sum(other == name or other.startswith(f"{name}-") for other in found)
        found[f"{name}-{count + 1}" if count else name] = run
    return found


@pytest.fixture
def settings(tiny_project: Path) -> Settings:
    """The tiny shop's configuration."""
    return load(tiny_project / "deskloop.yaml")


@pytest.fixture
def releases(settings: Settings) -> Releases:
    """The tiny shop's register of versions."""
    return Releases(connect(settings.database))


@pytest.fixture
def candidate(settings: Settings, releases: Releases) -> Callable[[int], Path]:
    """Folder of the candidate that a version was made of."""
    return lambda version: Path(settings.store_root) / "objects" / releases.get(version).metrics["candidate"]
