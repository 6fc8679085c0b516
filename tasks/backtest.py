"""The backtest on a schedule: nothing is answered anew, what the evaluation kept is reckoned at today's rates."""

from __future__ import annotations

from prefect import get_run_logger, task

from deskloop.records import Reckoning
from deskloop.releases import Releases
from deskloop.settings import Settings
from tasks import report


@task(name="reckon")
def reckon(version: int | None, settings: Settings) -> Reckoning:
    """Page and artifact of one version, the champion if none is named; where there is no champion yet, neither."""
    from deskloop import backtest, evaluation

    releases = Releases.of(settings)
    release = releases.get(version) if version else releases.champion()
    if release is None:  # no failure: the schedule may well be older than the first champion
        said = "there is no champion yet, so there is nothing to look back on"
        get_run_logger().info(said)
        return Reckoning(version=None, summary=said, page=None)
    found = evaluation.reckoned(release, settings)
    said = backtest.told(found)
    report.backtested(release.version, said, found["page"])
    get_run_logger().info("version %d:\n%s", release.version, said)
    return Reckoning(version=release.version, summary=said, page=found["page"])
