"""More questions to calibrate on: real training questions, read as if they had never been learnt.

A fifth of the hand-written training messages at a time is taken out of what the index learnt, with all that was
grown from them, and asked. Knows nothing about how confidence is fitted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deskloop.bot import Bot, Reading
from deskloop.features.index import SearchIndex
from deskloop.features.sentence import Remembering
from deskloop.scorecard import conversation
from deskloop.settings import Effort

if TYPE_CHECKING:
    import pandas as pd

FIFTHS: dict[Effort, int] = {"quick": 2, "standard": 5, "thorough": 5}  # each costs the index's training once more


def rehearse(bot: Bot, messages: pd.DataFrame, effort: Effort) -> list[tuple[Mapping[Any, Any], Reading]]:
    """Message rows of the training split with their readings, from indexes that lack them.

    None where no message names its entry: then the index has learnt nothing from messages. The intent classifier is
    the bot's own, which has seen them; its word counts little in what is found.
    """
    train = messages[messages["split"] == "train"]
    taught = train[train["knowledge_id"].notna()]
    if taught.empty:
        return []
    vectors = bot.index.encoder.encode(taught["text"].tolist())
    encoder = Remembering(bot.index.encoder, taught["text"].tolist(), vectors)
    out: list[tuple[Mapping[Any, Any], Reading]] = []
    for fifth in range(FIFTHS[effort]):
        kept = taught[_fifths(taught) != fifth]
        examples = {str(entry): texts.tolist() for entry, texts in kept.groupby("knowledge_id")["text"]}
        index = replace(SearchIndex.build(bot.index.entries, encoder, examples), weights=bot.index.weights)
        real = train[(_fifths(train) == fifth) & ~train["synthetic"].astype(bool)]
        rows = real.sort_values("id").to_dict("records")
        readings = replace(bot, index=index).read_many([conversation(row) for row in rows])
        out += zip(rows, readings, strict=True)
    return out


def _fifths(frame: pd.DataFrame) -> pd.Series[int]:
    """0 to 4, the same for a message and what was grown from it, whatever else is in the frame."""
    cores = frame["core_id"].where(frame["core_id"].notna(), frame["id"]).astype(str)
    return cores.map(lambda core: hashlib.sha256(core.encode()).digest()[0] % 5)
