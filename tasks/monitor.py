"""Monitoring and model updating: compare live traffic with the champion's reference; ask for a retraining."""

from __future__ import annotations

from prefect import get_run_logger, task
from prefect.events import emit_event

from deskloop.database import connect
from deskloop.records import DriftOutcome
from deskloop.releases import Releases
from deskloop.settings import Settings
from deskloop.traffic import Traffic
from tasks import report

DRIFT_EVENT = "deskloop.drift.detected"
LEASE = "retrain"


@task(name="compare")
def compare(window: int, settings: Settings) -> DriftOutcome:
    """One drift check over the latest `window` messages. Reads nothing but the traffic store and the champion."""
    from deskloop import drift, watch

    engine = connect(settings.database)
    champion, traffic = Releases(engine, settings.store_root).champion(), Traffic(engine)
    result, reference, live = watch.check(champion, traffic, window, settings)
    version = champion.version if champion else None
    event = traffic.drift(result.verdict, result.as_dict(), version)
    pages = settings.home / "reports" / event
    if result.tests:
        drift.evidently_report(reference, live, pages)
    report.drift(result, str(pages))
    get_run_logger().info("drift check %s: %s", result.verdict, result.summary)
    return DriftOutcome(
        verdict=result.verdict, summary=result.summary, model_version=version, messages=result.live, event=event
    )


@task(name="announce")
def announce(outcome: DriftOutcome, settings: Settings) -> DriftOutcome:
    """Emit the event that starts training, unless one did within the cooldown."""
    lease = Releases.of(settings)
    if not lease.acquire_lease(LEASE, outcome.event or "", settings.monitor.cooldown_minutes * 60):
        get_run_logger().info("no new retraining: cooldown of %d minutes", settings.monitor.cooldown_minutes)
        return outcome
    emit_event(
        event=DRIFT_EVENT,
        resource={"prefect.resource.id": "deskloop.champion", "deskloop.version": str(outcome.model_version)},
        payload=outcome.model_dump(mode="json"),
    )
    get_run_logger().info("asked for a retraining (%s)", DRIFT_EVENT)
    return outcome.model_copy(update={"announced": True})
