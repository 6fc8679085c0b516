"""More questions to calibrate on: real training questions, read as if they had never been learnt.

A fifth of the hand-written training messages at a time is taken out of what the index learnt, with all that was
grown from them, and asked. Knows nothing about how confidence is fitted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deskloop import usual
from deskloop.bot import Bot
from deskloop.features.index import SearchIndex
from deskloop.features.sentence import Encoder, Remembering
from deskloop.plan import Reading
from deskloop.scorecard import conversation
from deskloop.settings import Effort

if TYPE_CHECKING:
    import pandas as pd

FIFTHS: dict[Effort, int] = {"quick": 2, "standard": 5, "thorough": 5}  # each costs the index's training once more


def rehearse(
    bot: Bot, messages: pd.DataFrame, effort: Effort, made: Sequence[SearchIndex] = ()
) -> list[tuple[Mapping[Any, Any], Reading]]:
    """Message rows of the training split with their readings, from indexes that lack them (`made`, if they are).

    None where no message names its entry: then the index has learnt nothing from messages. The intent classifier is
    the bot's own, which has seen them: training it anew for each part would take minutes, and its word counts little.
    """
    train = messages[messages["split"] == "train"]
    out: list[tuple[Mapping[Any, Any], Reading]] = []
    for fifth, index in enumerate(made or indexes(bot.index, messages, effort)):
        asked = _fifths(train) == fifth
        rows = train[asked & ~train["synthetic"].astype(bool)].sort_values("id").to_dict("records")
        unaware = replace(bot, index=index, agreement=usual.learnt(train[~asked]))
        readings = unaware.read_many([conversation(row) for row in rows])
        out += zip(rows, readings, strict=True)
    return out


def indexes(index: SearchIndex, messages: pd.DataFrame, effort: Effort) -> list[SearchIndex]:
    """The index without a fifth of what it has learnt from, one fifth after another; none if that is nothing."""
    taught = messages[(messages["split"] == "train") & messages["knowledge_id"].notna()]
    if taught.empty:
        return []
    encoder, fifths = _remembering(index, _examples(taught)), _fifths(taught)
    kept = [_examples(taught[fifths != fifth]) for fifth in range(FIFTHS[effort])]
    return [replace(SearchIndex.build(index.entries, encoder, k), weights=index.weights) for k in kept]


def _examples(taught: pd.DataFrame) -> dict[str, list[str]]:
    return {str(entry): texts.tolist() for entry, texts in taught.groupby("knowledge_id")["text"]}


def _remembering(index: SearchIndex, examples: Mapping[str, Sequence[str]]) -> Encoder:
    """The index's encoder with the vectors that it keeps of its wordings, entry by entry, if these are they."""
    wordings = [text for e in index.entries for text in (e.question, *examples.get(e.id, ()))]
    kept = index.matcher.asked
    return Remembering(index.encoder, wordings, kept) if len(wordings) == len(kept) else index.encoder


def _fifths(frame: pd.DataFrame) -> pd.Series[int]:
    """0 to 4, the same for a message and what was grown from it, whatever else is in the frame."""
    cores = frame["core_id"].where(frame["core_id"].notna(), frame["id"]).astype(str)
    return cores.map(lambda core: hashlib.sha256(core.encode()).digest()[0] % 5)
