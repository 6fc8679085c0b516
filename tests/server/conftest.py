"""The whole host as `deskloop up` runs it: a real Prefect server, the timetable and the API."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deskloop.settings import Settings, load
from deskloop.tether import Tether

PATIENCE_SECONDS = 150
FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run"
).split()
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass
class Up:
    """`deskloop up` on a tiny shop, and what one asks of its Prefect server."""

    config: Path
    settings: Settings
    process: subprocess.Popen[bytes]
    told: Path

    @property
    def dashboard(self) -> str:
        return f"http://127.0.0.1:{self.settings.prefect_port}"

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.settings.serve.port}"

    def prefect(self, method: str, path: str, **body: Any) -> Any:
        """One call of Prefect's REST API, the one that the dashboard uses. A busy server is no answer."""
        answer = httpx.request(method, f"{self.dashboard}/api{path}", json=body or None, timeout=30, trust_env=False)
        if answer.status_code >= 500:
            raise httpx.TransportError(f"{path} answered {answer.status_code}: {answer.text}")
        assert answer.is_success, f"{path} answered {answer.status_code}: {answer.text}\n{self.log()}"
        return answer.json() if answer.content else None

    def start(self, deployment: str, **request: Any) -> str:
        """Start a run of a deployment. Returns its id."""
        found = self.prefect("GET", f"/deployments/name/{deployment}")
        path = f"/deployments/{found['id']}/create_flow_run"
        body = {"parameters": {"request": request} if request else {}, "idempotency_key": uuid.uuid4().hex}
        return str(self.until(lambda: self.prefect("POST", path, **body)["id"], f"a run of {deployment}"))

    def runs(self, flow: str, **only: Any) -> list[dict[str, Any]]:
        """Runs of a flow, the newest first; `only` are further filters of flow runs."""
        wanted = {"flows": {"name": {"any_": [flow]}}, "flow_runs": only, "sort": "EXPECTED_START_TIME_DESC"}
        return list(self.prefect("POST", "/flow_runs/filter", **wanted))

    def ended(self, run: str) -> dict[str, Any]:
        """The run, once it has ended."""
        return dict(self.until(lambda: _if_ended(self.prefect("GET", f"/flow_runs/{run}")), f"run {run} to end"))

    def until(self, probe: Callable[[], Any], what: str) -> Any:
        """What `probe` gives, as soon as it gives something."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"`deskloop up` ended\n{self.log()}"
            with contextlib.suppress(httpx.TransportError):
                if found := probe():
                    return found
            time.sleep(0.2)
        raise AssertionError(f"waited {PATIENCE_SECONDS} s for {what}\n{self.log()}")

    def log(self) -> str:
        """The ends of all that was said."""
        logs = sorted((self.settings.home / "logs").glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text('utf-8', 'replace')[-3000:]}" for log in logs)


@pytest.fixture(scope="session")
def up(
    open_shop: Callable[[Path], AbstractContextManager[Path]],
    tmp_path_factory: pytest.TempPathFactory,
    tether: Tether,
) -> Iterator[Up]:
    """Running, with a drift check planned for every minute, and nothing trained yet."""
    home = tmp_path_factory.mktemp("up")
    with (
        open_shop(home / "project") as project,
        (home / "up.log").open("wb") as log,
        (home / "up.json").open("wb") as told,
    ):
        config = project / "deskloop.yaml"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "DESKLOOP_"))}
        process = subprocess.Popen(
            [sys.executable, "-m", "deskloop.cli", "up", "--json", "--config", str(config)],
            env=kept | {"DESKLOOP_MONITOR__CRON": "* * * * *"}, stdout=told, stderr=log, start_new_session=True,
        )  # fmt: skip
        tether.hold(process.pid)
        running = Up(config, load(config), process, home / "up.json")
        try:
            running.until(lambda: _answers(f"{running.api}/healthz"), "the API")
            running.until(lambda: len(running.prefect("POST", "/deployments/filter")) == 5, "the timetable")
            yield running
        finally:
            process.terminate()
            process.wait(90)


def _answers(url: str) -> bool:
    return httpx.get(url, timeout=5, trust_env=False).status_code == 200


def _if_ended(run: dict[str, Any]) -> dict[str, Any] | None:
    return run if run["state_type"] in ENDED else None


@pytest.fixture
def page(chromium: Path) -> Iterator[Any]:
    """A page of the machine's own Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        opened = browser.new_page()
        opened.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield opened
        browser.close()
