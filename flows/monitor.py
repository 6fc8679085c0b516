"""One look at live traffic: has it drifted from what the champion was trained on?"""

from __future__ import annotations

from prefect import flow

from deskloop.requests import MonitorRequest
from tasks.monitor import DriftOutcome, announce, compare
from tasks.plain import plain_failures

USUAL = MonitorRequest()  # a model as the default, so that the dashboard shows the form at once


@flow(name="monitor")
def monitor(request: MonitorRequest = USUAL) -> DriftOutcome:
    """Compare the live window with the champion's reference; on drift ask for a retraining, once."""
    plain_failures()
    settings = request.settings()
    outcome = compare(request.window or settings.monitor.window, settings)
    if outcome.verdict == "drift" and request.retrain:
        return announce(outcome, settings)
    return outcome
