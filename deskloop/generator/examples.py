"""Training examples from the team's own answered messages, with the knowledge they rest on in the prompt.

The gold entry stands among the notes with a distractor that search finds likeliest, mostly but not always
first; messages that no entry answers keep distractors only, so that the model learns to use, to ignore and to
decline. Knows nothing about models.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol

import pandas as pd

from deskloop.generator import prompt
from deskloop.records import Source

Row = dict[Any, Any]
SECOND_SHARE = 0.25  # of examples, the gold entry stands second, as search sometimes has it
FEWEST_REAL = 200  # with fewer real examples, synthetic ones help out


class Searcher(Protocol):
    """What finds distractors. See `deskloop.features.index`."""

    def search_many(self, queries: Sequence[str], k: int) -> list[list[Source]]:
        """The best entries for each query."""


def examples(
    messages: pd.DataFrame, knowledge: pd.DataFrame, index: Searcher, shop: str, seed: int, split: str = "train"
) -> list[Row]:
    """Chat examples [{"messages": [system, user, assistant]}] of a split, shuffled by `seed`."""
    rows: list[Row] = _answered(messages, split).to_dict("records")
    entries = {e["id"]: _source(e) for e in knowledge.to_dict("records")}
    found = index.search_many([row["text"] for row in rows], 3) if rows else []
    rng = random.Random(seed)  # noqa: S311
    built = [
        _example(row, entries.get(row["knowledge_id"]), hits, shop, rng)
        for row, hits in zip(rows, found, strict=True)
    ]
    rng.shuffle(built)
    return built


def _answered(messages: pd.DataFrame, split: str) -> pd.DataFrame:
    rows = messages[(messages["split"] == split) & (messages["reply"].str.len() > 0)].sort_values("id")
    real = rows[~rows["synthetic"].astype(bool)]
    return real if len(real) >= FEWEST_REAL else rows


def _example(row: Row, gold: Source | None, hits: list[Source], shop: str, rng: random.Random) -> Row:
    notes = hits[:2]
    if gold is not None:
        distractors = [h for h in hits if h.id != gold.id][:1]
        notes = [*distractors, gold] if rng.random() < SECOND_SHARE else [gold, *distractors]
    before = [{"role": "user", "content": row["previous"]}] if row["previous"] else []
    talk = [*before, {"role": "user", "content": row["text"]}]
    return {"messages": [*prompt.messages(shop, notes, talk), {"role": "assistant", "content": row["reply"]}]}


def _source(entry: Row) -> Source:
    url = entry["url"] if isinstance(entry["url"], str) else None  # a missing one is NaN in a frame
    return Source(id=entry["id"], question=entry["question"], answer=entry["answer"], url=url, score=1.0)
