"""The way back: an earlier version becomes the champion again."""

from __future__ import annotations

from prefect import flow

from deskloop.requests import RollbackRequest
from tasks.deploy import roll_back
from tasks.plain import plain_failures

USUAL = RollbackRequest()  # a model as the default, so that the dashboard shows the form at once


@flow(name="rollback")
def rollback(request: RollbackRequest = USUAL) -> int:
    """Point to an earlier version. Returns its number."""
    plain_failures()
    return roll_back(request.version, request.reason, request.settings())
