"""The monitor, backtest and rollback flows on a trained tiny shop."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deskloop.bot import Bot
from deskloop.database import connect
from deskloop.errors import BadInput
from deskloop.releases import Releases
from deskloop.requests import BacktestRequest, MonitorRequest, RollbackRequest
from deskloop.settings import Settings
from deskloop.traffic import Traffic
from flows.backtest import backtest
from flows.monitor import monitor
from flows.rollback import rollback


@pytest.fixture
def talk(settings: Settings, releases: Releases) -> Callable[[Sequence[str]], None]:
    """Customers ask the champion, and the traffic is kept as the API keeps it."""

    def say(questions: Sequence[str]) -> None:
        champion, traffic = releases.champion(), Traffic(connect(settings.database))
        bot = Bot.load(champion.path, settings)
        for number, text in enumerate(questions):
            answer = bot.answer([{"role": "user", "content": text}])
            kept = f"{text[:8]}-{number}"
            traffic.record(kept, text, answer, answer.text, channel="chat", version=champion.version)
        bot.close()

    return say


def test_a_drift_check_waits_for_messages_alarms_on_a_shift_and_asks_for_one_retraining(
    train: Callable[..., Any],
    tiny_project: Path,
    settings: Settings,
    talk: Callable[[Sequence[str]], None],
    electric: list[str],
) -> None:
    request = MonitorRequest(config=str(tiny_project / "deskloop.yaml"))
    nobody = monitor(request)
    assert (nobody.verdict, nobody.announced) == ("undetermined", False) and "no champion" in nobody.summary

    train()
    usual = latest(tiny_project, 21)
    talk(usual[:19])
    few = monitor(request)
    assert (few.verdict, few.messages, few.announced) == ("undetermined", 19, False)
    talk(usual[19:])
    assert monitor(request).verdict == "none"

    talk(electric)
    only_looking = monitor(request.model_copy(update={"retrain": False}))
    assert (only_looking.verdict, only_looking.announced) == ("drift", False)
    first, second = monitor(request), monitor(request)
    assert (first.verdict, second.verdict) == ("drift", "drift")
    assert (first.announced, second.announced) == (True, False)
    assert announcements() == [first.event]

    pages = settings.home / "reports" / first.event
    assert {page.suffix for page in pages.iterdir()} == {".html", ".json"}
    assert [check["verdict"] for check in Traffic(connect(settings.database)).drift_history()[:2]] == ["drift"] * 2


def test_rollback_puts_the_former_champion_back(
    train: Callable[..., Any], tiny_project: Path, releases: Releases
) -> None:
    request = RollbackRequest(config=str(tiny_project / "deskloop.yaml"), reason="it was rude")
    with pytest.raises(BadInput, match="no earlier champion"):
        rollback(request)
    first = train().outcome
    second = train(effort="standard").outcome
    releases.promote(second.version, "by hand")
    assert rollback(request) == first.version
    assert releases.champion().version == first.version
    assert releases.history()[0]["reason"] == "it was rude"
    assert rollback(request.model_copy(update={"version": second.version})) == second.version


def test_the_backtest_page_is_written_for_the_champion_and_shown_in_the_dashboard(
    train: Callable[..., Any], tiny_project: Path, settings: Settings
) -> None:
    request = BacktestRequest(config=str(tiny_project / "deskloop.yaml"))
    nobody = backtest(request)
    assert (nobody.version, nobody.page) == (None, None) and "no champion yet" in nobody.summary

    train()
    found = backtest(request)
    page = settings.home / "backtest.html"
    assert (found.version, found.page) == (1, str(page)) and "past tickets" in found.summary
    assert "Tiny Outdoor" in page.read_text("utf-8")
    [artifact] = artifacts("backtest")
    assert found.summary in artifact.data and str(page) in artifact.data
    with pytest.raises(BadInput, match="no version 9"):
        backtest(request.model_copy(update={"version": 9}))


def artifacts(key: str) -> list[Any]:
    """Artifacts of a key, as Prefect's server keeps them."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))


def latest(project: Path, number: int) -> list[str]:
    """Questions of the tickets that were held out for the test: the latest."""
    with closing(sqlite3.connect(project / "shop.sqlite")) as db:
        rows = db.execute("SELECT text FROM tickets ORDER BY at DESC LIMIT ?", (number,))
        return [text for (text,) in rows]


def announcements() -> list[str | None]:
    """Drift checks that asked for a retraining, as Prefect's server knows them."""
    from prefect.client.orchestration import get_client

    deadline = time.monotonic() + 30
    wanted = {"filter": {"event": {"name": ["deskloop.drift.detected"]}}}
    with get_client(sync_client=True) as client:
        while True:
            found = client.request("POST", "/events/filter", json=wanted)
            events = [event["payload"]["event"] for event in found.json()["events"]]
            if events or time.monotonic() > deadline:
                return events
            time.sleep(0.05)
