"""Serves the timetable of `prefect.yaml` on one host: `python -m deployments.local`.

Reads the same file that `prefect deploy` reads, so that there is one timetable. The work pool is left out:
the runs are processes of this host.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.schedules import Cron

from deskloop import settings

TIMETABLE = Path(__file__).with_name("prefect.yaml")


def deployments() -> list[RunnerDeployment]:
    """One deployment an entry. The schedules of monitor and backtest are the configuration's."""
    entries = yaml.safe_load(TIMETABLE.read_text("utf-8"))["deployments"]
    return [_deployment(entry) for entry in entries]


def _deployment(entry: dict[str, Any]) -> RunnerDeployment:
    limit = entry.get("concurrency_limit")
    return RunnerDeployment.from_entrypoint(
        entry["entrypoint"],
        name=entry["name"],
        description=entry["description"],
        tags=entry["tags"],
        schedules=[_schedule(entry, s) for s in entry.get("schedules", [])],
        triggers=[DeploymentEventTrigger(**_without_type(t)) for t in entry.get("triggers", [])],
        concurrency_limit=ConcurrencyLimitConfig(**limit) if limit else None,
    )


def _schedule(entry: dict[str, Any], schedule: dict[str, Any]) -> Any:
    cron, active = schedule["cron"], schedule.get("active", True)
    configured = settings.load()
    ours: dict[str, str | None] = {
        "flows.monitor.monitor": configured.monitor.cron,
        "flows.backtest.backtest": configured.backtest.cron,
    }
    wanted = ours.get(entry["entrypoint"], cron)
    return Cron(wanted or cron, timezone=schedule.get("timezone"), active=active and wanted is not None)


def _without_type(trigger: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in trigger.items() if name != "type"}


if __name__ == "__main__":
    serve(*deployments(), limit=2, pause_on_shutdown=False, print_starting_message=False)
