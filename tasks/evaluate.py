"""Evaluation: the candidate, honest baselines and the champion on the same held-out messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deskloop.records import KnowledgeEntry, Receipt
from deskloop.settings import Settings
from deskloop.store import Store
from tasks import report
from tasks.cache import stage

if TYPE_CHECKING:
    from deskloop.bot import Bot


@stage("baselines", reads=("effort", "model", "shop"))
def baselines(messages: Receipt, knowledge: Receipt, index: Receipt, settings: Settings) -> Receipt:
    """Majority class, TF-IDF + LinearSVC, BM25, the untuned base model, and search without each of its signals."""
    from deskloop import ablation, peers
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
        "search": ablation.search(bot.index, peers.asked(frame, "validation"), peers.asked(frame, "test")),
    }
    engine.close()
    return store.put_json("baselines", figures)


@stage("evaluate", reads=("effort", "model", "shop"))
def evaluate(
    messages: Receipt, knowledge: Receipt, candidate: Receipt, baselines: Receipt, settings: Settings
) -> Receipt:
    """The candidate's scorecard beside the baselines, the slices its cases are in, and its privacy and safety."""
    from deskloop import peers, scorecard, trial
    from deskloop.bot import Bot

    store = Store(settings.store_root)
    figures, test = store.json(baselines), scorecard.test_cases(store.table(messages))
    bot = Bot.load(store.path(candidate), settings)
    card = trial.scored(bot, test, _entries(store, knowledge), settings.effort)
    around = trial.around(bot, test, settings.effort)
    bot.close()
    table, gains = peers.table(figures), peers.gains(card, figures)
    report.scorecard(card, table, gains)
    return store.put_json(
        "scorecard", {**card.as_dict(), **around, "baselines": table, "gains": gains, "search": figures["search"]}
    )


@stage("champion-scores", reads=("effort", "shop"))
def champion_scores(messages: Receipt, knowledge: Receipt, candidate: Receipt, settings: Settings) -> Receipt | None:
    """The champion's scores on the candidate's cases, how long both take, and how their knowledge differs.

    None where there is no rival: that is where no champion may stay, or where it is the candidate itself.

    The champion is deliberately no part of the cache key: the verdict on a candidate is given once.
    """
    from deskloop import scorecard, trial
    from deskloop.bot import Bot
    from deskloop.releases import Releases

    champion = Releases.of(settings).champion()
    # a retired one saw somebody who asked to be erased: it must be replaced, however well it answers
    if champion is None or champion.retired or champion.metrics.get("candidate") == candidate.sha256:
        return None
    store = Store(settings.store_root)
    frame = store.table(messages)
    test = scorecard.test_cases(frame)
    bot, challenger = Bot.load(champion.path, settings), Bot.load(store.path(candidate), settings)
    some = test.sample(min(len(test), trial.RACED[settings.effort]), random_state=settings.model.seed)
    taken = trial.race(challenger, bot, [scorecard.conversation(row) for row in some.to_dict("records")])
    revised = trial.revised(challenger, bot, frame)
    challenger.close()
    card = trial.scored(bot, test, _entries(store, knowledge), settings.effort)
    bot.close()
    beside = {"version": champion.version, "latency": taken, "knowledge": revised}
    return store.put_json("champion-scores", {**card.as_dict(), **beside})


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
