"""Whether what search found for a past question was right, by what the team did then.

Right is the entry that the desk named or quoted; where there is none, an entry that says what the colleague said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from deskloop import facts
from deskloop.features.sentence import Encoder
from deskloop.plan import Reading
from deskloop.records import OUT_OF_SCOPE


def known(messages: pd.DataFrame) -> pd.Series[bool]:
    """Of which messages it is known what was right: an entry, a colleague's reply, or that none answers them."""
    outside = messages["intent"] == OUT_OF_SCOPE
    return messages["knowledge_id"].notna() | (messages["reply"].fillna("") != "") | outside


def right(rows: Sequence[Mapping[Any, Any]], readings: Sequence[Reading], at: int, encoder: Encoder) -> list[bool]:
    """Is the entry that was found at place `at` right, for each message row?"""
    found = [r.hits[at] if len(r.hits) > at else None for r in readings]
    same = [hit is not None and hit.id == row["knowledge_id"] for hit, row in zip(found, rows, strict=True)]
    said = {
        i: (hit.answer, row["reply"])
        for i, (hit, row) in enumerate(zip(found, rows, strict=True))
        if hit and isinstance(row["reply"], str) and not isinstance(row["knowledge_id"], str)
    }
    if said:
        answers, replies = zip(*said.values(), strict=True)
        for i, agreed in zip(said, agreeing(answers, replies, encoder), strict=True):
            same[i] = agreed
    return same


def agreeing(answers: Sequence[str], replies: Sequence[str], encoder: Encoder) -> list[bool]:
    """Does each answer say what the human said? Their vectors are near, and no figure of the one is denied."""
    near = (encoder.encode(list(answers)) * encoder.encode(list(replies))).sum(axis=1)
    return [facts.agrees(a, r, float(n)) for a, r, n in zip(answers, replies, near, strict=True)]
