"""What is wrong here, and what to do about it. Looks, and changes nothing."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from deskloop.errors import BadInput, TransientError
from deskloop.settings import NO_SOURCE, Settings, load

GIB = 1 << 30
NO_CHAMPION = "none yet; `deskloop run` trains one"
Finding = dict[str, Any]


def examine(config: Path | None) -> list[Finding]:
    """One finding a check: {what, ok, detail}; a detail that is not ok says the way out."""
    findings = [_finding("python", _python), _finding("configuration", lambda: _configuration(config))]
    try:
        settings = load(config)
    except BadInput:  # told already, and nothing else can be looked at
        return findings
    checks: dict[str, Callable[[], str]] = {
        "disk": lambda: _disk(settings),
        "models": lambda: _models(settings),
        "database": lambda: _database(settings),
        "champion": lambda: _champion(settings),
        "API port": lambda: _port(settings.serve.host, settings.serve.port),
        "Prefect port": lambda: _port("127.0.0.1", settings.prefect_port),
    }
    findings += [_finding(what, check) for what, check in checks.items()]
    findings += [_finding(f"source {s.name}", partial(_source, s, settings)) for s in settings.sources]
    return findings


def _finding(what: str, check: Callable[[], str]) -> Finding:
    try:
        return {"what": what, "ok": True, "detail": check()}
    except (BadInput, TransientError, OSError) as error:
        return {"what": what, "ok": False, "detail": " ".join(str(error).split())}


def _python() -> str:
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise BadInput(f"Python {sys.version.split()[0]}: 3.11 to 3.13 are tested; make a .venv with one of them")
    return sys.version.split()[0]


def _configuration(config: Path | None) -> str:
    settings = load(config)
    if not settings.sources:
        raise BadInput(NO_SOURCE)
    return f"{len(settings.sources)} sources, effort {settings.effort}"


def _disk(settings: Settings) -> str:
    folder = next(p for p in [settings.home, *settings.home.resolve().parents] if p.is_dir())
    free = shutil.disk_usage(folder).free / GIB
    if free < 3:
        raise BadInput(f"{free:.1f} GiB free at {folder}; a training needs about 3")
    if not os.access(folder, os.W_OK):
        raise BadInput(f"{folder} cannot be written")
    return f"{free:.0f} GiB free"


def _models(settings: Settings) -> str:
    from deskloop.generator import base

    return f"{base.base_path(settings).name}, {base.encoder_path(settings).name}"


def _database(settings: Settings) -> str:
    from deskloop.database import connect

    if _to_be_made(settings):
        return f"{settings.database} is not made yet"
    return connect(settings.database).url.render_as_string()


def _to_be_made(settings: Settings) -> bool:
    """Is it a SQLite file that nobody has made? Connecting would make it."""
    head, _, path = settings.database.partition(":///")
    return head.startswith("sqlite") and not Path(path).is_file()


def _champion(settings: Settings) -> str:
    from deskloop.releases import Releases
    from deskloop.store import verify_manifest

    if _to_be_made(settings):
        return NO_CHAMPION
    release = Releases.of(settings).champion()
    if release is None:
        return NO_CHAMPION
    verify_manifest(release.path)
    return f"version {release.version}, whole"


def _port(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(1)
        return f"{port} is {'in use' if probe.connect_ex((host, port)) == 0 else 'free'}"


def _source(source: Any, settings: Settings) -> str:
    from deskloop import sources

    return f"readable ({sources.fingerprint(source, settings)[:12]})"
