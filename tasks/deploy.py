"""Deployment: the gate's verdict, a registered bundle, the champion pointer, and the way back."""

from __future__ import annotations

from pathlib import Path

from prefect import get_run_logger, task

from deskloop.records import Outcome, Receipt
from deskloop.releases import Releases
from deskloop.settings import Settings
from deskloop.store import Store
from tasks import report
from tasks.cache import stage


@stage("deploy", reads=("gate", "backtest", "database_url"))
def deploy(candidate: Receipt, scorecard: Receipt, rival: Receipt | None, reason: str, settings: Settings) -> Outcome:
    """Decide, register, promote, smoke-test; a smoke test that fails puts the old champion back."""
    from deskloop import cards, evaluation, gate, tracking
    from deskloop.bundle import link_tree

    store, releases = Store(settings.store_root), Releases.of(settings)
    scores = store.json(scorecard)
    verdict = gate.judge(scores, store.json(rival) if rival else None, settings.gate)
    card = cards.model_card(scores, verdict, settings, store.path(candidate))

    def build(folder: Path) -> None:
        link_tree(store.path(candidate), folder)
        (folder / "README.md").write_text(card, "utf-8")
        evaluation.write_scorecard(folder, scores, store.path(candidate))

    bundle = store.put_dir("bundle", build)
    pages = store.put_dir(
        "evaluation", lambda folder: evaluation.write(folder, scores, store.path(candidate), settings)
    )
    metrics = {**scores["scores"], "candidate": candidate.sha256, evaluation.KEPT: pages.sha256}
    release = releases.register(
        store.path(bundle), bundle.sha256, verdict=verdict.as_dict(), metrics=metrics, reason=reason
    )
    waits = verdict.promote and settings.gate.approval == "manual"
    if verdict.promote and not waits:
        put_in_charge(releases, release.version, reason, settings)
    tracking.mirror(settings, releases)
    report.evaluation(scores, store.path(pages), settings)
    report.verdict(verdict, waits, release.version, card, f"http://{settings.serve.host}:{settings.serve.port}/")
    log = get_run_logger()
    (log.info if verdict.checks else log.warning)("version %d: %s", release.version, verdict.summary)
    promoted, said = verdict.promote and not waits, verdict.summary
    return Outcome(version=release.version, promoted=promoted, waits=waits, summary=said, bundle=bundle)


def put_in_charge(releases: Releases, version: int, reason: str, settings: Settings) -> None:
    """Move the pointer, then ask the champion a question as the API would; withdraw it if that fails."""
    from deskloop.bot import Bot

    releases.promote(version, reason)
    try:
        champion = releases.champion()
        assert champion is not None
        bot = Bot.load(champion.path, settings)
        bot.answer([{"role": "user", "content": "How long does delivery take?"}])
        bot.close()
    except Exception as error:
        releases.withdraw(version, f"smoke test failed: {error}")
        raise


@task(name="roll-back")
def roll_back(version: int | None, reason: str, settings: Settings) -> int:
    """Point to an earlier version."""
    from deskloop import tracking

    releases = Releases.of(settings)
    release = releases.rollback(reason, version)
    tracking.mirror(settings, releases)
    get_run_logger().info("version %d is the champion again", release.version)
    return release.version
