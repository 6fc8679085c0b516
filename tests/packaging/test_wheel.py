"""The wheel holds all that the command needs, and works where nothing else of the project is."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.packaging
ROOMS = ("deskloop", "tasks", "flows", "deployments")


def test_the_wheel_holds_every_file_of_the_four_rooms_and_none_beside(wheel: Path, tree: list[str]) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == {name for name in tree if name.partition("/")[0] in ROOMS}
    for needed in ("deskloop/template.yaml", "deskloop/web/static/chat.html", "deployments/prefect.yaml"):
        assert needed in packed
    raw = [name for name in packed if name.startswith("deskloop/demo/raw/")]
    assert {Path(name).suffix for name in raw} >= {".mbox", ".json", ".sqlite", ".html", ".xml"}


def test_the_command_comes_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    where = output(installed / "python", "-c", "import deskloop, flows; print(deskloop.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert "simulate-drift" in output(installed / "deskloop", "--help", cwd=tmp_path)


def test_init_starts_a_project_that_says_what_it_lacks(installed: Path, tmp_path: Path) -> None:
    assert output(installed / "deskloop", "init", cwd=tmp_path).startswith("Wrote deskloop.yaml")
    done = call(installed / "deskloop", "init", cwd=tmp_path)
    assert done.returncode == 2 and "exists already" in done.stderr


@pytest.mark.server
def test_the_tiny_pipeline_makes_a_champion(installed: Path, tiny_project: Path, tmp_path: Path) -> None:
    config = ("--config", str(tiny_project / "deskloop.yaml"), "--json")
    own = {"DESKLOOP_HOME": tmp_path / "home", "DESKLOOP_PREFECT_PORT": free_port()}
    outcome = json.loads(output(installed / "deskloop", "run", *config, cwd=tmp_path, **own))
    assert outcome["promoted"] and outcome["version"] == 1
    listed = json.loads(output(installed / "deskloop", "releases", *config, cwd=tmp_path, **own))
    assert [row["champion"] for row in listed["releases"]] == [True]


def free_port() -> int:
    """A port that no other Prefect server has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def output(*command: Any, cwd: Path, **variables: Any) -> str:
    """What a command that must succeed says on stdout."""
    done = call(*command, cwd=cwd, **variables)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def call(*command: Any, cwd: Path, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run a command away from the repository, without its variables."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DESKLOOP_", "PREFECT_", "PYTHON"))}
    env = kept | {name: str(value) for name, value in variables.items()}
    return subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, check=False)
