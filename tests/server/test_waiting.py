"""`gate.approval: manual` on a running host: the flow pauses until a person or a command decides, or nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deskloop.database import connect
from deskloop.releases import Releases
from deskloop.settings import load

pytestmark = pytest.mark.server


def careful(up: Any, name: str, **gate: Any) -> Path:
    """The same project with a register of its own, in which a person has to approve."""
    known = yaml.safe_load(up.config.read_text("utf-8"))
    known["gate"] |= {"approval": "manual", **gate}
    known["database_url"] = f"sqlite:///{name}.db"
    path = up.config.with_name(f"{name}.yaml")
    path.write_text(yaml.safe_dump(known), "utf-8")
    return path


def waiting(up: Any, config: Path) -> dict[str, Any]:
    """Start a training and come back with its run once it waits."""
    run = up.start("train/deskloop", config=str(config), reason="asked for")
    return dict(up.until(lambda: _if_paused(up.prefect("GET", f"/flow_runs/{run}")), "the run to wait"))


def _if_paused(run: dict[str, Any]) -> dict[str, Any] | None:
    assert run["state_type"] not in ("FAILED", "CRASHED", "CANCELLED"), run["state"]["message"]
    return run if run["state_type"] == "PAUSED" else None


def register(config: Path) -> Releases:
    return Releases(connect(load(config).database))


def said(releases: Releases) -> list[tuple[str, str]]:
    return [(row["action"], row["reason"]) for row in releases.history()]


def test_a_person_sees_the_checks_in_the_dashboard_and_approves(up: Any) -> None:
    config = careful(up, "dashboard")
    run = waiting(up, config)
    releases = register(config)
    assert releases.champion() is None

    keys = run["state"]["state_details"]["run_input_keyset"]
    told = up.prefect("GET", f"/flow_runs/{run['id']}/input/{keys['description']}")
    assert "May version 1 answer customers?" in told and "| intent_accuracy" in told and "at least 0.300" in told

    form = {"approve": True, "reason": "read twenty answers", "by": "Ann"}
    assert up.prefect("POST", f"/flow_runs/{run['id']}/resume", run_input=form)["status"] == "ACCEPT"
    assert up.ended(run["id"])["state_type"] == "COMPLETED", up.log()
    assert releases.champion().version == 1
    assert said(releases)[:3] == [
        ("promote", "asked for"), ("approve", "Ann: read twenty answers"), ("ask", f"flow run {run['id']}"),
    ]  # fmt: skip

    # a run that finds nothing new does not ask again
    again = up.ended(up.start("train/deskloop", config=str(config)))
    assert again["state_type"] == "COMPLETED" and len(said(releases)) == 4


def test_a_command_refuses_and_the_reason_is_kept(up: Any) -> None:
    config = careful(up, "command")
    run = waiting(up, config)
    told = json.loads(command(config, "refuse", "1", "--reason", "too curt", "--json"))
    assert told["approved"] is False and told["flow_run"] == run["id"]
    assert up.ended(run["id"])["state_type"] == "COMPLETED", up.log()
    releases = register(config)
    assert releases.champion() is None
    assert said(releases)[0][0] == "refuse" and said(releases)[0][1].endswith("too curt")
    assert "waits for nobody" in command(config, "approve", "1", "--reason", "late", code=2)


def test_nobody_is_a_no_with_a_reason(up: Any) -> None:
    config = careful(up, "nobody", approval_hours=0.001)
    run = up.ended(up.start("train/deskloop", config=str(config)))
    assert run["state_type"] == "COMPLETED", up.log()
    assert register(config).champion() is None
    assert said(register(config))[0] == ("refuse", "nobody decided within 0.001 hours")


def command(config: Path, *arguments: str, code: int = 0) -> str:
    """What a command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "deskloop.cli", *arguments, "--config", str(config)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr
