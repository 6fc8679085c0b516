"""Whether a bundle shows what its generator writes or its entries' own words: what wins on held-out questions.

Knows nothing about bundles but the generator's folder. Both ways show only what was verified, and fall back to
the entry; so `generate` is "both", and `retrieve` is the entry alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deskloop import facts
from deskloop.bot import MAX_TOKENS, USED_SOURCES, Bot, Plan
from deskloop.metrics import paired_bootstrap
from deskloop.settings import Settings

CASES = 40
FEWEST = 20


@dataclass(frozen=True)
class Policy:
    """`retrieve` or `generate`, and the reason in one sentence, with the figures it rests on."""

    name: str
    reason: str
    similarity: str = ""
    correct: str = ""
    cases: int = 0

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def choose(generator: Path, bot: Bot, held: Sequence[Mapping[Any, Any]], settings: Settings) -> Policy:
    """Ask both ways for up to 40 of the validation rows `held` that the bot would answer.

    Written answers win if they are nearer to what the humans wrote and give the needed facts no less often, each
    by a paired bootstrap: surely nearer, and not surely less correct.
    """
    if settings.model.answer_policy != "auto":
        return Policy(settings.model.answer_policy, "as configured")
    from deskloop.generator.engines import load_engine

    rows = _answered(bot, held)
    if len(rows) < FEWEST:
        return Policy("generate", f"only {len(rows)} held-out questions would be answered, too few to compare")
    engine = load_engine(generator, settings)
    try:
        written = engine.generate([bot.compose(plan, talk) for plan, talk, _ in rows], MAX_TOKENS)
    finally:
        close = getattr(engine, "close", None)
        if close:
            close()
    return _compared(bot, rows, written)


def _answered(bot: Bot, held: Sequence[Mapping[Any, Any]]) -> list[tuple[Plan, list[dict[str, str]], str]]:
    """(plan, conversation, the human's reply) of the first rows, by id, that the bot is sure about."""
    from deskloop.scorecard import conversation

    asked = sorted((row for row in held if row["reply"]), key=lambda row: str(row["id"]))
    talks = [conversation(row) for row in asked]
    found = zip(bot.plan_many(talks), talks, asked, strict=True)
    sure = [
        (plan, talk, row["reply"])
        for plan, talk, row in found
        if plan.kind in ("generate", "retrieve") and not plan.both
    ]
    return [(_writing(plan), talk, reply) for plan, talk, reply in sure[:CASES]]


def _writing(plan: Plan) -> Plan:
    return Plan(
        "generate", plan.question, plan.intent, plan.confidence, plan.scope, plan.sources[:USED_SOURCES], None
    )


def _compared(bot: Bot, rows: Sequence[tuple[Plan, Any, str]], written: Sequence[str]) -> Policy:
    replies = [reply for _, _, reply in rows]
    entries = [plan.sources[0].answer for plan, _, _ in rows]
    said = [bot.finish(plan, text).text for (plan, _, _), text in zip(rows, written, strict=True)]
    near = [(bot.index.encoder.encode(t) * bot.index.encoder.encode(replies)).sum(axis=1) for t in (said, entries)]
    right = [
        [float(facts.correct(t, e, r)) for t, e, r in zip(texts, entries, replies, strict=True)]
        for texts in (said, entries)
    ]
    nearer, righter = paired_bootstrap(near[0], near[1]), paired_bootstrap(right[0], right[1])
    wins = nearer.low > 0 and not righter.high < 0
    reason = (
        f"on {len(rows)} validation questions, written answers less the entries' own words: similarity to the "
        f"human's reply {nearer}, needed facts given {righter}"
    )
    return Policy("generate" if wins else "retrieve", reason, str(nearer), str(righter), len(rows))
