"""The loop closes by itself: schedule, drift, event, automation, retraining, verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest

from deskloop.database import connect
from deskloop.demo.simulate import simulate
from deskloop.releases import Releases
from deskloop.traffic import Traffic
from deskloop.web.token import desk_token

pytestmark = pytest.mark.server


def test_up_starts_without_a_champion_and_says_so(up: Any) -> None:
    answer = httpx.get(f"{up.api}/readyz", trust_env=False)
    assert answer.status_code == 503 and answer.json()["version"] is None


def test_a_run_started_by_hand_trains_the_champion_that_the_api_serves(up: Any) -> None:
    run = up.ended(up.start("train/deskloop", reason="from the dashboard"))
    assert run["state_type"] == "COMPLETED", up.log()
    up.until(lambda: served(up) == 1, "version 1 to be served")
    release = Releases(connect(up.settings.database)).champion()
    assert release and release.reason == "from the dashboard"


def test_up_says_in_json_where_it_listens(up: Any) -> None:
    up.until(lambda: up.told.read_text(), "the addresses")
    told = json.loads(up.told.read_text())
    assert (told["url"], told["dashboard"]) == (f"{up.api}/", f"{up.dashboard}/")
    assert told["pid"] == up.process.pid and told["logs"] == str(up.settings.home / "logs")


def test_questions_that_are_piped_in_are_answered_in_one_json_object(up: Any) -> None:
    up.until(lambda: served(up) == 1, "version 1 to be served")
    done = subprocess.run(
        [sys.executable, "-m", "deskloop.cli", "chat", "--json", "--config", str(up.config)],
        input="hello\nCan I talk to a person?\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    talk = json.loads(done.stdout)
    assert talk["version"] == 1
    assert [(t["role"], t.get("kind")) for t in talk["turns"]] == [
        ("user", None), ("assistant", "smalltalk"), ("user", None), ("assistant", "handoff"),
    ]  # fmt: skip


@pytest.mark.web
def test_the_form_of_the_dashboard_starts_a_training(up: Any, page: Any) -> None:
    page.goto(f"{up.dashboard}/deployments")
    page.locator("tr", has_text="train").get_by_role("link", name="deskloop").first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    page.get_by_text("Run every stage again, cached or not.").wait_for()  # the fields of TrainRequest, described
    page.locator("textarea").fill("a person asked for it")
    # the form asks twice, and its browser stands still while this test does: wait with it, not beside it
    with page.expect_response(lambda answer: answer.url.endswith("/create_flow_run")) as made:
        page.get_by_role("button", name="Submit").click()

    run = made.value.json()
    assert run["parameters"]["request"] | {"config": None} == {
        "config": None, "effort": None, "reason": "a person asked for it", "refresh": False,
    }  # fmt: skip
    assert up.ended(run["id"])["state_type"] == "COMPLETED", up.log()


def test_a_scheduled_drift_check_runs_by_itself(up: Any) -> None:
    run = up.until(lambda: done_by_schedule(up), "a scheduled drift check")
    assert run["created_by"]["type"] == "SCHEDULE"


def test_drift_starts_exactly_one_retraining_that_ends_with_a_verdict(up: Any, electric: list[str]) -> None:
    pause_schedule(up)
    releases, traffic = Releases(connect(up.settings.database)), Traffic(connect(up.settings.database))
    rows = reviewed(electric)
    played = simulate(up.api, desk_token(up.settings), rows, rate=500, progress=lambda _: None)
    assert played["conversations"] == played["reviews"] == len(rows)

    assert up.ended(up.start("monitor/deskloop"))["state_type"] == "COMPLETED"
    assert traffic.drift_history()[0]["verdict"] == "drift"
    [retraining] = up.until(lambda: asked_for(up, "drift "), "the retraining that the event starts")
    assert up.ended(retraining["id"])["state_type"] == "COMPLETED", up.log()
    judged = releases.all()[0]
    assert judged.version == 2 and judged.reason.startswith("drift ") and judged.verdict["checks"]

    # the cooldown holds: a second check sees the drift of the same messages and asks for nothing
    releases.promote(1, "so that the check compares with what answered")
    assert up.ended(up.start("monitor/deskloop"))["state_type"] == "COMPLETED"
    assert [check["verdict"] for check in traffic.drift_history()[:2]] == ["drift", "drift"]
    asked = {"filter": {"event": {"name": ["deskloop.drift.detected"]}}}
    assert up.prefect("POST", "/events/filter", **asked)["total"] == 1
    assert len(asked_for(up, "drift ")) == 1


def reviewed(questions: list[str]) -> list[dict[str, Any]]:
    """A conversation of each question, and the desk's review of it."""
    reply = "We rent e-bikes and scooters at the store from May on."
    review = {"intent": "rental", "reply": reply, "article_url": None}
    return [{"messages": [question], **review} for question in questions]


def asked_for(up: Any, reason: str) -> list[dict[str, Any]]:
    """Trainings whose reason begins so."""
    return [run for run in up.runs("train") if _reason(run).startswith(reason)]


def _reason(run: dict[str, Any]) -> str:
    return str(run["parameters"].get("request", {}).get("reason"))


def done_by_schedule(up: Any) -> dict[str, Any] | None:
    """A scheduled drift check that is complete."""
    complete = up.runs("monitor", state={"type": {"any_": ["COMPLETED"]}})
    return next((run for run in complete if run["auto_scheduled"]), None)


def pause_schedule(up: Any) -> None:
    """No more drift checks but those asked for, and none on its way."""
    found = up.prefect("GET", "/deployments/name/monitor/deskloop")
    up.prefect("POST", f"/deployments/{found['id']}/pause_deployment")
    busy = {"type": {"any_": ["RUNNING", "PENDING"]}}
    up.until(lambda: not up.runs("monitor", state=busy), "the running drift check")


def served(up: Any) -> int | None:
    """Version that the API serves."""
    version: int | None = httpx.get(f"{up.api}/readyz", trust_env=False).json()["version"]
    return version
