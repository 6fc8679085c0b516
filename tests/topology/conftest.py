"""The services of docker-compose.yml as plain processes: its own commands and variables, other addresses."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deskloop.tether import Tether

ROOT = Path(__file__).parents[2]
SECRETS = {
    "POSTGRES_PASSWORD": "trusted",
    "PREFECT_AUTH": "desk:only-for-this-test",
    "DESKLOOP_SERVE__DESK_TOKEN": "desk-token",
    "DESKLOOP_SERVE__API_KEY": "",
}
NOT_HERE = {"DESKLOOP_TRACKING_URI": "none"}  # MLflow's server is an extra of the image
PATIENCE_SECONDS = 120


@dataclass
class Topology:
    """Starts services of the compose file below `folder`, which stands for the containers' file systems."""

    folder: Path
    postgres: str  # host:port
    project: Path
    tether: Tether
    ports: dict[str, int] = field(default_factory=lambda: {n: free_port() for n in ("prefect", "worker", "api")})
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start a service by the compose file's own command."""
        service = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"][name]
        command = [self._here(part) for part in service["command"]]
        home = self.folder / "home-deskloop"
        (home / "deployments").mkdir(parents=True, exist_ok=True)
        (home / "deployments" / "prefect.yaml").write_bytes((ROOT / "deployments" / "prefect.yaml").read_bytes())
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command, cwd=home, env=self._environment(service), stdout=log, stderr=log, start_new_session=True
            )
        self.tether.hold(-self.running[name].pid)

    def wait(self, name: str, path: str, status: int = 200) -> httpx.Response:
        """The service's answer on `path`, as soon as it has that status."""
        what = f"{name}{path} to say {status}"
        return self.until(lambda: self._answer(name, path, status), lambda: f"{what}\n{self.log(name)}")

    def until(self, probe: Callable[[], Any], what: Callable[[], str]) -> Any:
        """What `probe` gives, as soon as it gives something."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if (found := probe()) is not None:
                return found
            time.sleep(0.2)
        raise AssertionError(f"waited {PATIENCE_SECONDS} s for {what()}")

    def get(self, name: str, path: str, **options: Any) -> httpx.Response:
        """One request to a service."""
        url = f"http://127.0.0.1:{self.ports[name]}{path}"
        return httpx.get(url, timeout=10, trust_env=False, **options)

    def prefect(self, method: str, path: str, **options: Any) -> Any:
        """One authenticated call of Prefect's API."""
        user, _, password = SECRETS["PREFECT_AUTH"].partition(":")
        url = f"http://127.0.0.1:{self.ports['prefect']}/api{path}"
        answer = httpx.request(method, url, auth=(user, password), timeout=30, trust_env=False, **options)
        return answer.raise_for_status().json()

    def log(self, name: str) -> str:
        """The end of what a service has said."""
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")[-4000:]

    def stop(self) -> None:
        """End all services, newest first."""
        for child in reversed(self.running.values()):
            _signal(child, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(15)
            _signal(child, signal.SIGKILL)
            child.wait()

    def _answer(self, name: str, path: str, status: int) -> httpx.Response | None:
        child = self.running[name]
        assert child.poll() is None, f"{name} ended with {child.returncode}:\n{self.log(name)}"
        try:
            answer = self.get(name, path)
        except httpx.TransportError:
            return None
        return answer if answer.status_code == status else None

    def _environment(self, service: Mapping[str, Any]) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "DESKLOOP_"))}
        given = {k: self._here(v) for k, v in {**_image_environment(), **service["environment"]}.items()}
        ports = {
            "PREFECT_SERVER_API_PORT": str(self.ports["prefect"]),
            "PREFECT_WORKER_WEBSERVER_PORT": str(self.ports["worker"]),
            "DESKLOOP_SERVE__PORT": str(self.ports["api"]),
        }
        path = f"{Path(sys.executable).parent}:{kept['PATH']}"
        return {**kept, **given, **ports, **NOT_HERE, "PATH": path}

    def _here(self, text: str) -> str:
        """A value of the compose file with its names and paths made those of this host."""
        text = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda m: SECRETS.get(m[1], m[2]), text)
        text = re.sub(r"\$\{(\w+)[^}]*\}", lambda m: SECRETS[m[1]], text)
        for there, here in {
            "postgres:5432": self.postgres,
            "prefect:4200": f"127.0.0.1:{self.ports['prefect']}",
            "0.0.0.0": "127.0.0.1",
            "/project/": f"{self.project}/",
        }.items():
            text = text.replace(there, here)
        return re.sub(r"^/data\b", str(self.folder / "data"), text)


@pytest.fixture
def topology(postgres_server: str, tiny_project: Path, tmp_path: Path, tether: Tether) -> Iterator[Topology]:
    """Nothing started yet; the databases are made as the compose file makes them."""
    from sqlalchemy import create_engine, text

    content = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["configs"]["databases"]["content"]
    engine = create_engine(f"{postgres_server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as c:
        for statement in ["CREATE DATABASE deskloop;", *content.strip().splitlines()]:
            c.execute(text(statement))
    engine.dispose()
    made = Topology(tmp_path, postgres_server.rpartition("@")[2], tiny_project, tether)
    yield made
    made.stop()


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _image_environment() -> dict[str, str]:
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    line = next(line for line in reversed(text.splitlines()) if line.startswith("ENV "))
    return dict(pair.split("=", 1) for pair in line.split()[1:])


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)
