"""Evaluation: the candidate, honest baselines and the champion on the same held-out messages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deskloop.records import KnowledgeEntry, Receipt
from deskloop.settings import Settings
from deskloop.store import Store
from tasks import report
from tasks.cache import stage

if TYPE_CHECKING:
    from deskloop.bot import Bot
    from deskloop.scorecard import Scorecard


@stage("baselines", reads=("effort", "model", "shop"))
def baselines(messages: Receipt, knowledge: Receipt, index: Receipt, settings: Settings) -> Receipt:
    """Majority class, TF-IDF + LinearSVC, BM25 and the untuned base model."""
    from deskloop import peers
    from deskloop.generator.base import base_engine

    store = Store(settings.store_root)
    frame, entries = store.table(messages), _entries(store, knowledge)
    bot = _searching(store, index, settings)
    engine = base_engine(settings)
    figures = {
        "majority": peers.majority(frame),
        "linear": peers.linear(frame, settings.model.seed),
        "bm25": peers.bm25(frame, entries),
        "untuned": peers.untuned(bot, engine, frame, entries, settings.effort),
    }
    engine.close()
    return store.put_json("baselines", figures)


@stage("evaluate", reads=("effort", "model", "shop"))
def evaluate(
    messages: Receipt, knowledge: Receipt, candidate: Receipt, baselines: Receipt, settings: Settings
) -> Receipt:
    """The candidate's scorecard, beside the baselines."""
    from deskloop import peers

    store = Store(settings.store_root)
    card = _scored(store, candidate, messages, knowledge, settings)
    figures = store.json(baselines)
    table, gains = peers.table(figures), peers.gains(card, figures)
    report.scorecard(card, table, gains)
    return store.put_json("scorecard", {**card.as_dict(), "baselines": table, "gains": gains})


@stage("champion-scores", reads=("effort", "shop"))
def champion_scores(messages: Receipt, knowledge: Receipt, candidate: Receipt, settings: Settings) -> Receipt | None:
    """The champion's scores on the candidate's cases; None where no champion may stay, or it is the candidate.

    The champion is deliberately no part of the cache key: the verdict on a candidate is given once.
    """
    from deskloop.database import connect
    from deskloop.releases import Releases

    champion = Releases(connect(settings.database)).champion()
    # a retired one saw somebody who asked to be erased: it must be replaced, however well it answers
    if champion is None or champion.retired or champion.metrics.get("candidate") == candidate.sha256:
        return None
    store = Store(settings.store_root)
    card = _scored(store, champion.path, messages, knowledge, settings)
    return store.put_json("champion-scores", {**card.as_dict(), "version": champion.version})


def _scored(
    store: Store, bundle: Receipt | Path, messages: Receipt, knowledge: Receipt, settings: Settings
) -> Scorecard:
    from deskloop import scorecard
    from deskloop.bot import Bot

    bot = Bot.load(store.path(bundle) if isinstance(bundle, Receipt) else bundle, settings)
    test = scorecard.test_cases(store.table(messages))
    card = scorecard.evaluate(bot, test, _entries(store, knowledge), settings.effort)
    bot.close()
    return card


def _entries(store: Store, knowledge: Receipt) -> list[KnowledgeEntry]:
    rows = store.table(knowledge).astype(object)
    return [KnowledgeEntry(**row) for row in rows.where(rows.notna(), None).to_dict("records")]


def _searching(store: Store, index: Receipt, settings: Settings) -> Bot:
    """A bot that only searches: what the untuned base needs."""
    from deskloop.bot import Bot
    from deskloop.confidence import Confidence
    from deskloop.features.index import SearchIndex
    from deskloop.features.sentence import SentenceEncoder
    from deskloop.generator.base import encoder_path

    found = SearchIndex.load(store.path(index), SentenceEncoder.load(encoder_path(settings)))
    return Bot(found, None, None, Confidence(), {}, "retrieve", settings)
