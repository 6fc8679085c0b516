"""The processes of one host: started in order, watched, stopped together.

Knows command lines, ports and health addresses; nothing about what the processes do.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx

from deskloop.errors import BadInput
from deskloop.memory import PATIENT
from deskloop.settings import Settings
from deskloop.tether import Tether

FULL_BYTES = 1 << 16  # a disk with less room counts as full


def prefect_environment(settings: Settings) -> dict[str, str]:
    """Variables that give this project its own Prefect, quiet and local. What is set already wins."""
    home = settings.home.resolve() / "prefect"
    defaults = {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{settings.prefect_port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_RUNNER_POLL_FREQUENCY": "3",
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        # Prefect's server fetches nothing while it runs
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "TOKENIZERS_PARALLELISM": "false",
        **PATIENT,
    }
    return {name: os.environ.get(name, value) for name, value in defaults.items()}


def require_free_port(host: str, port: int, setting: str) -> None:
    """Raise BadInput if something listens on the port already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BadInput(
                f"port {port} on {host} is not free ({error.strerror}); stop what uses it or set {setting}"
            ) from None


def no_room(folder: Path) -> str | None:
    """What to tell a person if the disk of `folder` is full."""
    if not folder.exists() or shutil.disk_usage(folder).free >= FULL_BYTES:
        return None
    return f"the disk of {folder} is full; make room and run it again, nothing was half-written"


def require_room(folder: Path) -> None:
    """Raise BadInput if the disk of `folder` is full."""
    if told := no_room(folder):
        raise BadInput(told)


class Host:
    """Child processes with logs below `home/logs`; leaving the context stops them, newest first.

    Where this process is killed, they end with it.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self.environment = {**os.environ, **prefect_environment(settings), **(environment or {})}
        self.logs = settings.home / "logs"
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        self._tether = Tether()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._tether.cut()

    def start(self, name: str, *arguments: str) -> None:
        """Start `python ARGUMENTS` in its own process group, its output in `logs/NAME.log`."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self.children[name] = subprocess.Popen(
                [sys.executable, *arguments],
                env=self.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._tether.hold(-self.children[name].pid)

    def wait_for(self, name: str, url: str, seconds: float = 120) -> None:
        """Wait until the child answers on `url`. Raises BadInput with its last line if it ends or hangs."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._require_alive(name)
            try:
                if httpx.get(url, timeout=2, trust_env=False).status_code < 500:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise BadInput(f"{name} did not answer on {url} within {seconds:.0f} s; see {self.logs / name}.log")

    def watch(self) -> None:
        """Block until a child ends; say which. SIGTERM interrupts as Ctrl-C does."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        while True:
            for name in self.children:
                self._require_alive(name)
            time.sleep(1)

    def stop(self) -> None:
        """End the children, newest first: politely, then for good."""
        for child in reversed(self.children.values()):
            _signal(child, signal.SIGTERM)  # who was started in the background may ignore SIGINT
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.wait()
            _signal(child, signal.SIGKILL)  # grandchildren that outlived it
        self.children.clear()

    def start_prefect(self) -> None:
        """Start the Prefect server of this project; `wait_for_prefect` before using it."""
        port = self.settings.prefect_port
        require_free_port("127.0.0.1", port, "prefect_port")
        self.start("prefect", "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))

    def wait_for_prefect(self) -> None:
        """Return once the Prefect API is healthy."""
        self.wait_for("prefect", f"{self.environment['PREFECT_API_URL']}/health")

    def _require_alive(self, name: str) -> None:
        code = self.children[name].poll()
        if code is not None:
            require_room(self.settings.home)
            line = _last_line(self.logs / f"{name}.log").removeprefix("deskloop: ")
            raise BadInput(f"{name} ended with code {code}: {line}")


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _last_line(path: Path) -> str:
    lines = [line.strip() for line in path.read_text("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
