"""The timetable: one file that a work pool and a single host read alike."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger
from prefect.schedules import Cron

from deployments.local import TIMETABLE, deployments
from deskloop.requests import TrainRequest
from tasks.monitor import DRIFT_EVENT

ENTRIES: list[dict[str, Any]] = yaml.safe_load(TIMETABLE.read_text("utf-8"))["deployments"]
NAMES = [entry["entrypoint"] for entry in ENTRIES]


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_each_entry_names_a_flow_whose_one_parameter_is_a_described_form(entry: dict[str, Any]) -> None:
    module, _, name = entry["entrypoint"].rpartition(".")
    flow = getattr(import_module(module), name)
    assert isinstance(flow, Flow) and flow.name == name
    assert list(inspect.signature(flow.fn).parameters) == ["request"]
    form = flow.parameters.definitions or {}
    fields = [f for part in form.values() for f in part.get("properties", {}).values()]
    assert fields and all("description" in f for f in fields)


def test_train_and_monitor_never_run_twice_at_once_and_have_a_schedule() -> None:
    for entry in ENTRIES[:2]:
        assert entry["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
        assert [Cron(s["cron"], timezone=s["timezone"]).active for s in entry["schedules"]] == [True]
    by_hand = {entry["entrypoint"] for entry in ENTRIES if "schedules" not in entry}
    assert by_hand == {"flows.rollback.rollback", "flows.prepare.prepare"}


def test_the_backtest_is_written_when_the_configuration_says_and_by_hand_alone_if_it_says_never(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DESKLOOP_CONFIG", raising=False)
    at = NAMES.index("flows.backtest.backtest")
    for configured, told in (("0 6 * * 1", True), ("15 7 1 * *", True), (None, False)):
        (tmp_path / "deskloop.yaml").write_text(yaml.safe_dump({"backtest": {"cron": configured}}), "utf-8")
        [schedule] = deployments()[at].schedules or []
        assert schedule.active is told and schedule.schedule.cron == (configured or "0 6 * * 1")


def test_the_drift_event_starts_training_with_a_reason_that_fits_the_form() -> None:
    [trigger] = [t for e in ENTRIES for t in e.get("triggers", [])]
    assert trigger["expect"] == [DRIFT_EVENT] and "deskloop.champion" in trigger["match"].values()
    assert DeploymentEventTrigger(**{k: v for k, v in trigger.items() if k != "type"}).threshold == 1
    request = trigger["parameters"]["request"]
    assert TrainRequest(**{**request, "reason": request["reason"].replace("{{ event.id }}", "0")}).reason == "drift 0"


def test_a_single_host_serves_the_same_timetable(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DESKLOOP_CONFIG", raising=False)
    served = deployments()
    assert [d.entrypoint for d in served] == NAMES
    for made, entry in zip(served, ENTRIES, strict=True):
        assert made.name == entry["name"]
        assert [s.schedule.cron for s in made.schedules or []] == [s["cron"] for s in entry.get("schedules", [])]
        assert len(made.triggers) == len(entry.get("triggers", []))
        wanted = entry.get("concurrency_limit", {}).get("limit")
        assert made.concurrency_limit == wanted
