"""The way back: an earlier version becomes the champion again."""

from __future__ import annotations

from prefect import flow

from deskloop.requests import RollbackRequest
from tasks.deploy import roll_back


@flow(name="rollback")
def rollback(request: RollbackRequest | None = None) -> int:
    """Point to an earlier version. Returns its number."""
    request = request or RollbackRequest()
    return roll_back(request.version, request.reason, request.settings())
