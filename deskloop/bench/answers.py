"""`deskloop bench answers`: generated answers, entries' own words and the untuned base, on the same held-out cases.

With a bundle, that is measured: its search, thresholds and generator. Without one, the knowledge is all there is:
its questions and answers, each with itself taken out of the search, teach the generator and set the thresholds.
The cases are read once, at the end. Knows nothing about stages.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deskloop import confidence, facts, metrics, policy, rightness, turns
from deskloop.bench import abstention, rows
from deskloop.bench.labels import disagreement
from deskloop.bot import MAX_TOKENS, USED_SOURCES, Bot
from deskloop.errors import BadInput
from deskloop.features.index import SearchIndex
from deskloop.generator import prompt
from deskloop.generator.engines import Engine
from deskloop.grounds import texts as texts_of
from deskloop.metrics import bootstrap, paired_bootstrap
from deskloop.plan import Plan, Reading
from deskloop.records import KnowledgeEntry, Source
from deskloop.settings import Settings

MOST_WRITTEN = 1000  # cases that answers are written for, a seeded sample: half a point of chrF takes so many
MOST_HELD = 600  # knowledge rows that set the thresholds
MOST_FILLED = 100  # of these, those that answers are written for
LEARNT = 200_000  # tokens read at least where the generator is taught here: thousands of answers are more than a demo
SCORES = ("chrf", "similarity", "grounded", "covered", "wrong")
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A conversation, what the human replied, and the entry that answers it if one is known."""

    messages: list[dict[str, str]]
    reply: str
    gold: KnowledgeEntry | None


def run(
    knowledge: Path,
    cases: Path,
    settings: Settings,
    bundle: Path | None = None,
    labels: Path | None = None,
    validation: Path | None = None,
) -> Row:
    """Rows {"id", "question", "answer"} and {"messages", "reply", "knowledge_id"?, "id"?}; `labels` see there.

    `validation` are rows as the cases, that set the thresholds of simpler ways to answer: see `abstention`.
    """
    entries = [
        KnowledgeEntry(id=str(r["id"]), question=r["question"], answer=r["answer"], source=knowledge.name)
        for r in rows.read(knowledge, "id", "question", "answer")
    ]
    by_id = {e.id: e for e in entries}
    found = list(rows.read(cases, "messages", "reply"))
    asked = [_case(r, by_id) for r in found]
    held = [_case(r, by_id) for r in rows.read(validation, "messages", "reply")] if validation else []
    hand = {"labels": disagreement(labels, found)} if labels else {}
    from deskloop.generator.base import base_engine

    with tempfile.TemporaryDirectory(prefix="deskloop-bench-") as folder:
        bot = Bot.load(bundle, settings) if bundle else taught(entries, Path(folder), settings)
        base = base_engine(settings)
        try:
            return compare(bot, base, asked, settings) | hand | _simpler(bot, entries, held, asked)
        finally:
            base.close()
            bot.close()


def _case(row: Row, by_id: Mapping[str, KnowledgeEntry]) -> Case:
    return Case(row["messages"], row["reply"], by_id.get(str(row.get("knowledge_id"))))


def _simpler(bot: Bot, entries: Sequence[KnowledgeEntry], held: Sequence[Case], asked: Sequence[Case]) -> Row:
    """Coverage of simpler ways, where validation cases set their thresholds."""
    if not held:
        return {}
    first, then = (
        [(turns.question(c.messages), c.gold.id if c.gold else None) for c in some] for some in (held, asked)
    )
    limit = bot.settings.model.max_wrong
    return {"baselines": abstention.baselines(entries, bot.index.encoder, first, then, limit)}


def compare(bot: Bot, base: Engine, cases: Sequence[Case], settings: Settings) -> Row:
    """Figures of `generate`, `retrieve` and `base`, and their paired differences with 95 % intervals.

    Coverage and wrong rate count all cases. A case is answerable if its gold entry is known or, where no case
    names one, always. chrF and similarity are taken on the sample, abstention left aside: every way writes for
    the same cases, from the same entries.
    """
    plans = bot.plan_many([c.messages for c in cases])
    readings = bot.read_many([c.messages for c in cases])
    chosen = sorted(random.Random(settings.model.seed).sample(range(len(cases)), min(len(cases), MOST_WRITTEN)))  # noqa: S311
    some = [cases[i] for i in chosen]
    forced = [_forced(readings[i]) for i in chosen]
    prompts = [bot.compose(p, c.messages) for p, c in zip(forced, some, strict=True)]
    assert bot.engine is not None
    ours = [bot.finish(p, t).text for p, t in zip(forced, bot.engine.generate(prompts, MAX_TOKENS), strict=True)]
    plain = [p.sources[0].answer if p.sources else "" for p in forced]
    raw = [text.strip() for text in base.generate(prompts, MAX_TOKENS)]
    said = {"generate": ours, "retrieve": plain, "base": raw}
    judged = {
        n: judge(bot, texts, some, [plans[i] for i in chosen], forced, n == "base") for n, texts in said.items()
    }
    out: Row = {name: _figures(scores) for name, scores in judged.items()}
    out |= {f"generate_less_{n}": _gains(judged["generate"], judged[n]) for n in ("retrieve", "base")}
    out |= {"cases": len(cases), "written": len(some), "policy": bot.policy, "fullness": bot.fullness}
    return out | _abstention(bot, cases, plans)


def judge(
    bot: Bot, texts: Sequence[str], cases: Sequence[Case], plans: Sequence[Plan], forced: Sequence[Plan], bare: bool
) -> dict[str, list[float]]:
    """Per case: the SCORES. A `bare` text is shown only where it is grounded; the others fall back by themselves."""
    replies = [c.reply for c in cases]
    encode = bot.index.encoder.encode
    near = (encode(list(texts)) * encode(replies)).sum(axis=1).astype(float).tolist()
    told = [[*texts_of(p.sources[:1]), bot.settings.shop.name] for p in forced]
    grounded = [facts.supported(t, k, p.question).ok for t, k, p in zip(texts, told, forced, strict=True)]
    shown = [p.shows and (g or not bare) for p, g in zip(plans, grounded, strict=True)]
    agreed = rightness.agreeing(texts, replies, bot.index.encoder)
    right = [
        g and (_cited(plan, p, c.gold) if c.gold and p.sources else a and not c.gold)
        for g, plan, p, c, a in zip(grounded, plans, forced, cases, agreed, strict=True)
    ]
    return {
        "chrf": metrics.chrf(texts, replies).tolist(),
        "similarity": near,
        "grounded": [float(g) for g in grounded],
        "covered": [float(s) for s in shown],
        "wrong": [float(s and not r) for s, r in zip(shown, right, strict=True)],
    }


def _cited(plan: Plan, forced: Plan, gold: KnowledgeEntry) -> bool:
    """Is the gold entry the one shown, or one of the two shown together?"""
    return gold.id in [source.id for source in forced.sources[: 2 if plan.both else 1]]


def _forced(reading: Reading) -> Plan:
    return Plan("generate", reading.question, None, 1.0, 1.0, reading.hits[:USED_SOURCES], None)


def _figures(scores: Mapping[str, list[float]]) -> Row:
    names = {"covered": "coverage", "wrong": "wrong_rate"}
    return {names.get(n, n): float(np.mean(scores[n])) for n in SCORES} | {
        f"{names.get(n, n)}_interval": str(bootstrap(scores[n])) for n in SCORES
    }


def _gains(ours: Mapping[str, list[float]], theirs: Mapping[str, list[float]]) -> Row:
    return {name: str(paired_bootstrap(ours[name], theirs[name])) for name in SCORES}


def _abstention(bot: Bot, cases: Sequence[Case], plans: Sequence[Plan]) -> Row:
    """Over all cases, by the entries: coverage of the answerable ones, and wrong of all."""
    shown = np.array([p.shows for p in plans])
    named = any(c.gold for c in cases)
    first = [p.sources[0] if p.sources else None for p in plans]
    if named:
        right = np.array(
            [bool(p.sources and c.gold and _cited(p, p, c.gold)) for p, c in zip(plans, cases, strict=True)]
        )
    else:
        right = np.array(
            rightness.agreeing([s.answer if s else "" for s in first], [c.reply for c in cases], bot.index.encoder)
        )
    answerable = np.array([c.gold is not None or not named for c in cases])
    wrong = bootstrap((shown & ~right).astype(float))
    return {
        "coverage_of_answerable": float(shown[answerable].mean()),
        "wrong_of_all": wrong.value,
        "wrong_of_all_interval": str(wrong),
        "threshold": bot.confidence.threshold,
    }


def taught(entries: Sequence[KnowledgeEntry], folder: Path, settings: Settings) -> Bot:
    """A bot of the knowledge alone, in `folder`."""
    from deskloop.features.sentence import SentenceEncoder
    from deskloop.generator import base, export, parallel
    from deskloop.generator.engines import load_engine
    from deskloop.generator.finetune import Job
    from deskloop.generator.recipe import RECIPES

    if len(entries) < 2 * confidence.FEWEST:
        raise BadInput(f"{len(entries)} knowledge rows are too few to learn from; wanted 60, or --bundle")
    index = SearchIndex.build(entries, SentenceEncoder.load(base.encoder_path(settings)))
    bot = Bot(index, None, None, confidence.Confidence(), {}, "generate", settings)
    order = list(entries)
    random.Random(settings.model.seed).shuffle(order)  # noqa: S311
    cut = min(MOST_HELD, len(order) // 2)
    held, learnt = order[:cut], order[cut:]
    bot = replace(bot, confidence=_calibrated(bot, held, settings))
    examples = _examples(bot, learnt, settings)
    recipe = RECIPES[settings.effort]
    recipe = replace(recipe, tokens=max(recipe.tokens, LEARNT))
    parallel.learn(Job(base.base_path(settings), examples, folder / "generator", recipe, settings.model.seed))
    export.export_int8(folder / "generator", folder / "int8")
    bot = replace(bot, engine=load_engine(folder / "int8", settings))
    return _filled(bot, held[:MOST_FILLED])


def _filled(bot: Bot, held: Sequence[KnowledgeEntry]) -> Bot:
    """With the manner and fullness of answers that the generator has not seen."""
    rows = [(e, hits[:USED_SOURCES]) for e, hits in zip(held, _without_itself(bot, held), strict=True) if hits]
    plans = [Plan("generate", e.question, None, 1.0, 1.0, tuple(hits), None) for e, hits in rows]
    prompts = [bot.compose(p, [{"role": "user", "content": p.question}]) for p in plans]
    assert bot.engine is not None
    return policy.learnt(bot, plans, [e.answer for e, _ in rows], bot.engine.generate(prompts, MAX_TOKENS))


def _without_itself(bot: Bot, entries: Sequence[KnowledgeEntry]) -> list[list[Source]]:
    found = bot.index.search_many([e.question for e in entries], USED_SOURCES + 2)
    return [[hit for hit in hits if hit.id != e.id] for hits, e in zip(found, entries, strict=True)]


def _calibrated(bot: Bot, held: Sequence[KnowledgeEntry], settings: Settings) -> confidence.Confidence:
    readings = bot.read_many([[{"role": "user", "content": e.question}] for e in held])
    signals = [bot.without(r, e.id) for r, e in zip(readings, held, strict=True)]
    best = [next((h.answer for h in r.hits if h.id != e.id), "") for r, e in zip(readings, held, strict=True)]
    right = rightness.agreeing(best, [e.answer for e in held], bot.index.encoder)
    return confidence.fit(signals, right, settings.model.max_wrong, settings.model.seed)


def _examples(bot: Bot, entries: Sequence[KnowledgeEntry], settings: Settings) -> list[Row]:
    found = _without_itself(bot, entries)
    return [
        {"messages": [
            *prompt.messages(settings.shop.name, hits[:USED_SOURCES], [{"role": "user", "content": e.question}]),
            {"role": "assistant", "content": e.answer},
        ]}
        for e, hits in zip(entries, found, strict=True)
    ]  # fmt: skip
