"""`deskloop bench serve`: the serving engine next to the same weights in transformers eager, in one run.

Users ask at the same time, each one question after the other, from the sample shop's held-out messages: written
by hand, seen by no training, none asked twice of the same engine. Neither side has a cache. Search and HTTP are
not part of it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from deskloop.bench import shop
from deskloop.bot import USED_SOURCES
from deskloop.generator import prompt
from deskloop.generator.engines import Engine
from deskloop.settings import Settings

USERS = (1, 8, 32)
FEWEST = 4  # requests where fewer users than that ask
TOKENS = 32  # of one answer at most
Prompt = list[dict[str, str]]


def run(settings: Settings, runs: int = 3, users: Sequence[int] = USERS) -> dict[str, Any]:
    """For each number of users: milliseconds to the first text, tokens and requests per second; medians of `runs`."""
    from deskloop.generator.base import base_engine, base_path
    from deskloop.generator.engines import TransformersEngine

    with tempfile.TemporaryDirectory(prefix="deskloop-bench-") as folder:
        asked = _prompts(shop.make(Path(folder), settings))
    engines: dict[str, Any] = {
        "deskloop": base_engine(settings, settings.serve.replicas),
        "transformers": TransformersEngine(base_path(settings)),
    }
    taken: dict[str, dict[int, list[dict[str, float]]]] = {name: {n: [] for n in users} for name in engines}
    for _ in range(runs):
        for n in users:
            questions = [asked.pop() for _ in range(max(n, FEWEST))]
            for name, engine in engines.items():
                taken[name][n].append(_measured(engine, questions, n))
    engines["deskloop"].close()
    sides = {name: {str(n): _middle(rows) for n, rows in levels.items()} for name, levels in taken.items()}
    return {**sides, "speedup": _speedup(sides), "runs": runs, "max_tokens": TOKENS}


def _prompts(made: shop.Shop) -> list[Prompt]:
    """What the bot would ask its generator for each held-out message, all of them different."""
    test = made.messages[made.messages["split"] == "test"].sort_values("id")
    texts = list(dict.fromkeys(test["text"]))
    found = made.index.search_many(texts, USED_SOURCES)
    talks = [[{"role": "user", "content": text}] for text in texts]
    return [prompt.messages(made.settings.shop.name, hits, talk) for hits, talk in zip(found, talks, strict=True)]


def _measured(engine: Any, questions: list[Prompt], users: int) -> dict[str, float]:
    """One engine with so many users."""
    began = time.perf_counter()
    with ThreadPoolExecutor(users) as pool:
        told = list(pool.map(lambda question: _one(engine, question), questions))
    seconds = time.perf_counter() - began
    tokens = sum(len(engine.chat.tokenizer.encode(text).ids) for _, text in told)
    p50, p95 = np.percentile([first for first, _ in told], [50, 95]) * 1000
    return {
        "first_text_ms_p50": float(p50),
        "first_text_ms_p95": float(p95),
        "tokens_per_second": tokens / seconds,
        "requests_per_second": len(told) / seconds,
    }


def _one(engine: Engine, question: Prompt) -> tuple[float, str]:
    """Seconds until the first text, from when the question was asked, and the whole answer."""
    began, first, text = time.perf_counter(), None, ""
    for piece in engine.stream(question, TOKENS):
        first = first or time.perf_counter() - began
        text += piece
    return first or time.perf_counter() - began, text


def _middle(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(median(row[name] for row in rows), 3) for name in rows[0]}


def _speedup(sides: dict[str, dict[str, dict[str, float]]]) -> dict[str, float]:
    """Tokens per second of ours over the peer's, for each number of users."""
    ours, theirs = sides["deskloop"], sides["transformers"]
    return {n: round(ours[n]["tokens_per_second"] / theirs[n]["tokens_per_second"], 2) for n in ours}
