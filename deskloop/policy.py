"""Whether a bundle shows what its generator writes or its entries' own words: what wins on held-out questions.

And how much of an entry a written answer must say, or else the entry's own words are shown: all, where colleagues
repeat the page, little, where each finds words of their own; and what those words are.

Knows nothing about bundles but the generator's folder. Both ways show only what was verified, and fall back to
the entry; so `generate` is "both", and `retrieve` is the entry alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskloop import facts, grounds, metrics
from deskloop.bot import MAX_TOKENS, USED_SOURCES, Bot
from deskloop.metrics import paired_bootstrap
from deskloop.plan import Plan
from deskloop.settings import Settings

CASES = 40
FEWEST = 20
LEASTS = (0.5, 0.7, 0.9, 1.0)  # what says less than half of an entry is no answer of that entry
UNKNOWN = 1.0  # where there is too little to choose by


@dataclass(frozen=True)
class Policy:
    """`retrieve` or `generate`, and the reason in one sentence, with the figures it rests on."""

    name: str
    reason: str
    similarity: str = ""
    correct: str = ""
    cases: int = 0
    fullness: float = UNKNOWN  # share of the entry's words that a written answer must say, see `grounds.holding`
    manner: frozenset[str] = frozenset()

    def as_dict(self) -> dict[str, Any]:
        """JSON form; the manner is kept apart, for the bot."""
        return {name: value for name, value in asdict(self).items() if name != "manner"}


def choose(generator: Path, bot: Bot, held: Sequence[Mapping[Any, Any]], settings: Settings) -> Policy:
    """Ask both ways for up to 40 of the validation rows `held` that the bot would answer.

    Written answers win if they are nearer to what the humans wrote and give the needed facts no less often, each
    by a paired bootstrap: surely nearer, and not surely less correct. Fewer than 20 such rows show nothing, so the
    entries' own words are shown.
    """
    configured = settings.model.answer_policy
    if configured == "retrieve":
        return Policy(configured, "as configured")
    from deskloop.generator.engines import load_engine

    rows = _answered(bot, held)
    if len(rows) < FEWEST:
        few = (
            f"only {len(rows)} held-out questions would be answered, too few to show that written answers are better"
        )
        return Policy("retrieve", few) if configured == "auto" else Policy(configured, "as configured")
    engine = load_engine(generator, settings)
    try:
        written = engine.generate([bot.compose(plan, talk) for plan, talk, _ in rows[:CASES]], MAX_TOKENS)
    finally:
        close = getattr(engine, "close", None)
        if close:
            close()
    plans, replies = [plan for plan, _, _ in rows], [reply for _, _, reply in rows]
    bot = learnt(bot, plans, replies, written)
    found = _compared(bot, plans[:CASES], written, replies[:CASES])
    return found if configured == "auto" else replace(found, name=configured, reason=f"as configured; {found.reason}")


def learnt(bot: Bot, plans: Sequence[Plan], replies: Sequence[str], written: Sequence[str]) -> Bot:
    """The bot with the team's manner by all `replies`, and a fullness by what was `written` for the first of them.

    The best fullness brings answers nearest to the replies, by chrF and similarity together; of equals, the greatest.
    """
    told = [(plan.question, plan.sources[0], reply) for plan, reply in zip(plans, replies, strict=True)]
    mannered = replace(bot, manner=grounds.manner(told))
    human = replies[: len(written)]

    def near(least: float) -> tuple[float, float]:
        said = _finished(replace(mannered, fullness=least), plans, written)
        both = metrics.chrf(said, human) / 100 + _nearness(bot, said, human)
        return round(float(both.mean()), 4), least

    return replace(mannered, fullness=max(LEASTS, key=near))


def _finished(bot: Bot, plans: Sequence[Plan], written: Sequence[str]) -> list[str]:
    return [bot.finish(plan, text).text for plan, text in zip(plans, written, strict=False)]


def _nearness(bot: Bot, texts: Sequence[str], replies: Sequence[str]) -> NDArray[np.float32]:
    """Cosine (n,) of the sentence vectors of each text and its reply."""
    encode = bot.index.encoder.encode
    near: NDArray[np.float32] = (encode(list(texts)) * encode(list(replies))).sum(axis=1)
    return near


def _answered(bot: Bot, held: Sequence[Mapping[Any, Any]]) -> list[tuple[Plan, list[dict[str, str]], str]]:
    """(plan, conversation, the human's reply) of the rows, by id, that the bot is sure about."""
    from deskloop.scorecard import conversation

    asked = sorted((row for row in held if row["reply"]), key=lambda row: str(row["id"]))
    talks = [conversation(row) for row in asked]
    found = zip(bot.plan_many(talks), talks, asked, strict=True)
    sure = [(plan, talk, row["reply"]) for plan, talk, row in found if plan.shows and not plan.both]
    return [(_writing(plan), talk, reply) for plan, talk, reply in sure]


def _writing(plan: Plan) -> Plan:
    return Plan(
        "generate", plan.question, plan.intent, plan.confidence, plan.scope, plan.sources[:USED_SOURCES], None
    )


def _compared(bot: Bot, plans: Sequence[Plan], written: Sequence[str], replies: Sequence[str]) -> Policy:
    entries = [plan.sources[0].answer for plan in plans]
    said = _finished(bot, plans, written)
    near = [_nearness(bot, texts, replies).tolist() for texts in (said, entries)]
    right = [
        [float(facts.correct(t, e, r)) for t, e, r in zip(texts, entries, replies, strict=True)]
        for texts in (said, entries)
    ]
    nearer, righter = paired_bootstrap(near[0], near[1]), paired_bootstrap(right[0], right[1])
    wins = nearer.low > 0 and not righter.high < 0
    reason = (
        f"on {len(plans)} validation questions, written answers less the entries' own words: similarity to the "
        f"human's reply {nearer}, needed facts given {righter}; a written answer has to say {bot.fullness:.0%} of it"
    )
    return Policy(
        "generate" if wins else "retrieve", reason, str(nearer), str(righter), len(plans), bot.fullness, bot.manner
    )
