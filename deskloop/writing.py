"""What a generator writes for held-out messages, how near that is to what humans wrote, and how long it takes.

Knows bots, engines and conversations; nothing about test sets or verdicts.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from deskloop import facts, metrics
from deskloop.bot import MAX_TOKENS, USED_SOURCES, Bot
from deskloop.generator.engines import Engine
from deskloop.plan import Plan
from deskloop.records import KnowledgeEntry
from deskloop.settings import Effort

TIMED: dict[Effort, int] = {"quick": 5, "standard": 20, "thorough": 60}  # whole answers that are timed

Talk = Sequence[Mapping[str, str]]
Loss = tuple[float, int]  # of one reply: nats, and its tokens


def prompts(bot: Bot, talks: Sequence[Talk]) -> list[list[dict[str, str]]]:
    """The generator's prompt for each conversation: the bot's best entries, whether it is sure or not."""
    readings = bot.read_many(talks)
    plans = [Plan("generate", r.question, None, 1.0, 1.0, r.hits[:USED_SOURCES], None) for r in readings]
    return [bot.compose(plan, talk) for plan, talk in zip(plans, talks, strict=True)]


def write_answers(engine: Engine, bot: Bot, talks: Sequence[Talk]) -> list[str]:
    """What `engine` writes for each conversation."""
    return [text.strip() for text in engine.generate(prompts(bot, talks), MAX_TOKENS)]


def losses(engine: Engine, bot: Bot, talks: Sequence[Talk], replies: Sequence[str]) -> list[Loss]:
    """For each human reply, given the same prompt, its nats and tokens. Empty where an engine cannot tell."""
    chat = getattr(engine, "chat", None)  # a server elsewhere shows no tokens
    if chat is None:
        return []
    rows = [
        {"messages": [*asked, {"role": "assistant", "content": reply}]}
        for asked, reply in zip(prompts(bot, talks), replies, strict=True)
    ]
    tokens = [chat.encode(row["messages"]).supervised for row in rows]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        found = list(pool.map(lambda row: engine.perplexity([row]), rows))
    return [(math.log(p) * n, n) for p, n in zip(found, tokens, strict=True) if n and math.isfinite(p)]


def perplexity(told: Sequence[Loss]) -> float:
    """Per token of all replies together; NaN if there are none."""
    tokens = sum(n for _, n in told)
    return math.exp(sum(nats for nats, _ in told) / tokens) if tokens else math.nan


def text_scores(
    bot: Bot, answers: Sequence[str], replies: Sequence[str], gold: Sequence[KnowledgeEntry | None]
) -> dict[str, list[float]]:
    """Per case: chrF and similarity to the human's reply, and whether the gold entry's facts were given.

    `correct` covers the cases with a gold entry only.
    """
    similarity = (bot.index.encoder.encode(list(answers)) * bot.index.encoder.encode(list(replies))).sum(axis=1)
    rows: Any = zip(answers, replies, gold, strict=True)
    return {
        "chrf": metrics.chrf(answers, replies).tolist(),
        "similarity": similarity.astype(float).tolist(),
        "correct": [float(facts.correct(answer, entry.answer, reply)) for answer, reply, entry in rows if entry],
    }


def spent(bot: Bot, talks: Sequence[Talk], effort: Effort) -> list[float]:
    """Milliseconds to the last word of an answer, one conversation at a time, where the bot answers."""
    plans = bot.plan_many(talks)
    shown = [talk for talk, plan in zip(talks, plans, strict=True) if plan.shows]
    taken = []
    for talk in shown[: TIMED[effort]]:
        said = {**talk[-1], "content": f"{talk[-1]['content']} Thanks"}  # so that no vector of it is remembered
        began = time.perf_counter()
        bot.answer([*talk[:-1], said])
        taken.append((time.perf_counter() - began) * 1000)
    return taken
