"""Approval: a version that passed the gate waits for a person, in the dashboard or by command; nobody is a no.

The pause needs the flow's own thread, so `decided` is called by a flow, and only what follows is a task.
"""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

from prefect import get_run_logger, pause_flow_run, task
from prefect.client.orchestration import get_client
from prefect.input import RunInput
from prefect.runtime import flow_run
from pydantic import Field

from deskloop.records import Outcome
from deskloop.releases import Releases
from deskloop.settings import Settings
from tasks import report
from tasks.deploy import put_in_charge

EVERY_SECONDS = 2  # how often the waiting flow looks whether somebody has decided
SLACK_SECONDS = 3600  # Prefect fails a flow whose pause ran out, so it must not run out before we say no


class Approval(RunInput):
    """What the dashboard's form asks."""

    approve: bool = Field(False, title="Approve", description="Off: this version is refused.")
    reason: str = Field(title="Reason", min_length=1, max_length=500, description="Kept in the audit log.")
    by: str = Field("", title="Your name", max_length=80, description="Kept in the audit log.")


def decided(outcome: Outcome, reason: str, settings: Settings) -> Outcome:
    """What became of a version that waits for a person. What was decided once is not asked again."""
    releases = Releases.of(settings)
    before = releases.decision(outcome.version)
    champion = releases.champion()
    if before is None and (champion is None or champion.version != outcome.version):
        return _settled(outcome, _ask(outcome, releases, settings), reason, settings)
    promoted = champion is not None and champion.version == outcome.version
    said = f"{before['action']}d before: {before['reason']}" if before else "promoted before"
    return outcome.model_copy(update={"promoted": promoted, "waits": False, "summary": said})


def _ask(outcome: Outcome, releases: Releases, settings: Settings) -> Approval:
    """Pause until somebody fills in the form, or until the time is up."""
    hours = settings.gate.approval_hours
    run = UUID(str(flow_run.get_id()))
    releases.note("ask", outcome.version, f"flow run {run}")
    told = report.question(outcome, releases.get(outcome.version), hours)
    get_run_logger().warning(
        "version %d waits %g hours for a person: Resume in the dashboard, or `deskloop approve %d`",
        outcome.version, hours, outcome.version,
    )  # fmt: skip
    timer = threading.Timer(hours * 3600, _nobody, (run, hours))
    timer.daemon = True
    timer.start()
    form: Any = Approval.with_initial_data(description=told, approve=False)
    try:
        given = pause_flow_run(form, timeout=int(hours * 3600) + SLACK_SECONDS, poll_interval=EVERY_SECONDS)
    finally:
        timer.cancel()
    return Approval.model_validate(given.model_dump(include=set(Approval.model_fields)))


def _nobody(run: UUID, hours: float) -> None:
    """Refuse by ourselves; where somebody was faster, Prefect refuses this."""
    answer = {"approve": False, "reason": f"nobody decided within {hours:g} hours"}
    with get_client(sync_client=True) as client:
        client.resume_flow_run(run, run_input=answer)


@task(name="settle-approval")
def _settled(outcome: Outcome, given: Approval, reason: str, settings: Settings) -> Outcome:
    """Write the decision down, and promote if it was a yes."""
    from deskloop import tracking

    releases = Releases.of(settings)
    why = f"{given.by}: {given.reason}" if given.by else given.reason
    releases.note("approve" if given.approve else "refuse", outcome.version, why)
    if given.approve:
        put_in_charge(releases, outcome.version, reason, settings)
        tracking.mirror(settings, releases)
    said = f"{'approved' if given.approve else 'refused by a person'}: {why}"
    report.decision(outcome.version, given.approve, said)
    get_run_logger().info("version %d: %s", outcome.version, said)
    return outcome.model_copy(update={"promoted": given.approve, "waits": False, "summary": said})
