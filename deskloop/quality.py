"""Contracts that every frame keeps at the border between stages (pandera). Rows that break one are set aside."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pandera.pandas as pa

from deskloop.text.numbers import card_is_valid

_ROLES = {"customer", "agent"}
_LONG_NUMBER = re.compile(r"(?:\d[ -]?){12,18}\d")


def _has_both(turns: Any) -> bool:
    return len(turns) > 0 and all(t["role"] in _ROLES and str(t["text"]).strip() for t in turns)


def _no_card(text: str) -> bool:
    return not any(card_is_valid(number) for number in _LONG_NUMBER.findall(text))


conversations = pa.DataFrameSchema(
    {
        "id": pa.Column(str, unique=True),
        "source": pa.Column(str),
        "channel": pa.Column(str, pa.Check.str_length(min_value=1)),
        "language": pa.Column(str, pa.Check.str_matches(r"^[a-z]{2,3}$")),
        "turns": pa.Column(
            object,
            pa.Check(lambda s: s.map(_has_both), name="turns", error="every turn has a role and a text"),
        ),
        "synthetic": pa.Column(bool),
        "split": pa.Column(str, pa.Check.isin(["train", "validation", "test"])),
    },
    checks=pa.Check(
        lambda f: ~(f["synthetic"] & (f["split"] != "train")), name="real", error="nothing synthetic is held out"
    ),
    name="conversations",
)
knowledge = pa.DataFrameSchema(
    {
        "id": pa.Column(str, unique=True),
        "question": pa.Column(str, pa.Check.str_length(min_value=2, max_value=1000)),
        "answer": pa.Column(str, pa.Check.str_length(min_value=1, max_value=20_000)),
        "source": pa.Column(str),
    },
    name="knowledge",
)
messages = pa.DataFrameSchema(
    {
        "id": pa.Column(str, unique=True),
        "conversation_id": pa.Column(str),
        "text": pa.Column(
            str,
            [
                pa.Check.str_length(min_value=1, max_value=10_000),
                pa.Check(lambda s: s.map(_no_card), name="redacted"),
            ],
        ),
        "intent": pa.Column(str, nullable=True, required=True),
        "split": pa.Column(str, pa.Check.isin(["train", "validation", "test"])),
        "synthetic": pa.Column(bool),
    },
    name="messages",
)


def check(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows that keep the contract, and those that break it with a `reason` column naming the first break."""
    if frame.empty:
        return frame, frame.assign(reason=pd.Series(dtype=str))
    frame = frame.reset_index(drop=True)
    try:
        schema.validate(frame, lazy=True)
        return frame, frame.iloc[:0].assign(reason=pd.Series(dtype=str))
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        if cases["index"].isna().any():
            broken = cases[cases["index"].isna()].iloc[0]
            raise ValueError(f"{schema.name}: {broken['check']} {broken['failure_case']}") from None
        cases = cases[cases["index"].isin(frame.index)].drop_duplicates("index").set_index("index")
    reasons = "contract " + cases["column"].fillna("row").astype(str) + ": " + cases["check"].astype(str).str[:80]
    bad = frame.loc[cases.index].assign(reason=reasons)
    return frame.drop(index=cases.index).reset_index(drop=True), bad
