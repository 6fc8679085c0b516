"""How well replies are cut out of e-mails. Rows `{"email","reply"}`; the e-mail may be text, HTML or raw MIME."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from deskloop.errors import BadInput
from deskloop.sources.files import rows
from deskloop.text.email import clean_reply
from deskloop.text.tokens import words

_BLANK_LINES = re.compile(r"[^\S\n]*\n(?:[^\S\n]*\n)*[^\S\n]*")


def run(cases: Path) -> dict[str, Any]:
    """Give `exact` (cases equal once blank lines are joined and ends stripped), mean `token_f1`, and `cases`."""
    exact = 0
    overlap = 0.0
    table = rows(cases)
    if not table:
        raise BadInput(f'{cases} has no rows; give lines {{"email": ..., "reply": ...}}')
    for number, row in enumerate(table, 1):
        if not isinstance(row.get("email"), str) or not isinstance(row.get("reply"), str):
            raise BadInput(f"{cases} row {number} needs `email` and `reply` as text, has {', '.join(row)}")
        got = clean_reply(row["email"])
        exact += _joined(got) == _joined(row["reply"])
        overlap += token_f1(got, row["reply"])
    return {"exact": exact, "token_f1": round(overlap / len(table), 4), "cases": len(table)}


def token_f1(got: str, wanted: str) -> float:
    """F1 of the words two texts share, as in SQuAD (Rajpurkar et al. 2016); two empty texts agree."""
    ours, theirs = Counter(words(got)), Counter(words(wanted))
    shared = (ours & theirs).total()
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * shared / (ours.total() + theirs.total())


def _joined(text: str) -> str:
    return _BLANK_LINES.sub("\n", text.replace("\r\n", "\n")).strip()
