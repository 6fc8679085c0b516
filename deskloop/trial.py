"""What the gate looks at beyond the scorecard: whether entries say what humans said, which slice each case is in,
what changed in the knowledge between two bots, and how long they take for the same messages.

Knows bots and test messages; nothing about verdicts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from deskloop import facts, intervals, revision, rightness, scorecard, slices, suites, topics
from deskloop.bot import MAX_TOKENS, USED_SOURCES, Bot
from deskloop.metrics import bootstrap
from deskloop.plan import Plan
from deskloop.records import KnowledgeEntry
from deskloop.scorecard import Scorecard
from deskloop.settings import Effort

RACED: dict[Effort, int] = {"quick": 8, "standard": 24, "thorough": 60}

Slices = dict[str, dict[str, list[str | None]]]
Latency = dict[str, dict[str, list[float]]]
Revised = dict[str, Any]


def scored(bot: Bot, test: pd.DataFrame, entries: Sequence[KnowledgeEntry], effort: Effort) -> Scorecard:
    """The scorecard with one more score case by case: `truth`."""
    card = scorecard.evaluate(bot, test, entries, effort)
    if told := truth(bot, test):
        card.cases["truth"] = told
        card.scores["truth"] = sum(told) / len(told)
        found = {"truth": (bootstrap(told), len(told))}
        card.tables["intervals"] += intervals.table({"truth": card.scores["truth"]}, found)
    return card


def around(bot: Bot, test: pd.DataFrame, effort: Effort) -> dict[str, Any]:
    """What the gate reads of a challenger beside its scorecard: `slices` and `suites`."""
    return {"slices": sliced(test, effort), "suites": suites.run(bot)}


def truth(bot: Bot, test: pd.DataFrame) -> list[float]:
    """Per test message with a gold entry and a human's reply: does the entry found first say what the human said?

    The gold entry's words are not looked at: they would be wrong, too, where the knowledge was tampered with.
    """
    rows = _answered(test)
    if not len(rows):
        return []
    found = bot.index.search_many(rows["text"].tolist(), 1)
    told, replies = [hits[0].answer if hits else "" for hits in found], rows["reply"].tolist()
    near = (bot.index.encoder.encode(told) * bot.index.encoder.encode(replies)).sum(axis=1)
    return [float(facts.agrees(t, r, float(n))) for t, r, n in zip(told, replies, near, strict=True)]


def sliced(test: pd.DataFrame, effort: Effort) -> Slices:
    """For each score that is kept case by case, by dimension, the slice of each case in the score's own order."""
    found = topics.discovered(test).to_numpy(dtype=bool)
    rows = {
        "intent": test[test["intent"].notna().to_numpy() & ~found],
        "retrieval": test[test["knowledge_id"].notna()],
        "truth": _answered(test),
        "usefulness": test[rightness.known(test)],
        "written": scorecard.answer_cases(test, effort),
    }
    return {score: slices.labels(frame.to_dict("records")) for score, frame in rows.items()}


def revised(ours: Bot, theirs: Bot, messages: pd.DataFrame) -> Revised:
    """What changed in the knowledge between two bots, and what people's replies in all splits say of it.

    `outdated`: for each case of a score, whether it is measured by a reply that knows nothing of the new answer.
    """
    rows = messages[messages["knowledge_id"].notna() & (messages["reply"].str.len() > 0)]
    rows = rows[~rows["synthetic"].astype(bool)].sort_values(["at", "id"], na_position="first")
    replies = {str(entry): texts.tolist() for entry, texts in rows.groupby("knowledge_id")["reply"]}
    encode = ours.index.encoder.encode
    found = revision.between(ours.index.entries, theirs.index.entries, replies, encode)
    told = _answered(scorecard.test_cases(messages))["knowledge_id"]
    return found | {"outdated": {"truth": told.isin(found["against"]).tolist()}}


def race(ours: Bot, theirs: Bot, talks: Sequence[Sequence[Mapping[str, str]]]) -> Latency:
    """Milliseconds of both bots for the same conversations, taken in turns, the first to go changing each time.

    `understanding` is all up to the plan; `writing` is the same prompt written by each generator, where ours writes.
    """
    prompts = [ours.compose(_forced(ours, talk), talk) for talk in talks] if ours.policy == "generate" else []
    parts: dict[str, tuple[Sequence[Any], Callable[[Bot, Any], Any]]] = {
        "understanding": (talks, lambda bot, talk: bot.plan(talk)),
        "writing": (prompts, lambda bot, asked: bot.engine and bot.engine.generate([asked], MAX_TOKENS)),
    }
    return {name: _raced(ours, theirs, *part) for name, part in parts.items() if part[0]}


def _raced(ours: Bot, theirs: Bot, asked: Sequence[Any], work: Callable[[Bot, Any], Any]) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {"ours": [], "theirs": []}
    for bot in (ours, theirs):  # the first call pays for what is loaded late
        work(bot, asked[0])
    for number, one in enumerate(asked):
        both = [("ours", ours), ("theirs", theirs)]
        for name, bot in both if number % 2 else both[::-1]:
            began = time.perf_counter()
            work(bot, one)
            taken[name].append((time.perf_counter() - began) * 1000)
    return taken


def _forced(bot: Bot, talk: Sequence[Mapping[str, str]]) -> Plan:
    reading = bot.read_many([talk])[0]
    return Plan("generate", reading.question, None, 1.0, 1.0, reading.hits[:USED_SOURCES], None)


def _answered(test: pd.DataFrame) -> pd.DataFrame:
    return test[test["knowledge_id"].notna() & (test["reply"].str.len() > 0)]
