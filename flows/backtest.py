"""What the champion would have done with the team's past tickets, as the page that a manager reads."""

from __future__ import annotations

from prefect import flow

from deskloop.records import Reckoning
from deskloop.requests import BacktestRequest
from tasks.backtest import reckon
from tasks.plain import plain_failures

USUAL = BacktestRequest()  # a model as the default, so that the dashboard shows the form at once


@flow(name="backtest")
def backtest(request: BacktestRequest = USUAL) -> Reckoning:
    """Write the page of a version anew, at today's rates."""
    plain_failures()
    return reckon(request.version, request.settings())
