"""How well signature lines are told. Rows `{"email","signature_line"}` with one 0 or 1 per line of the e-mail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deskloop.errors import BadInput
from deskloop.sources.files import rows
from deskloop.text.email import signature_lines


def run(cases: Path) -> dict[str, Any]:
    """Give `precision`, `recall` and `f1` over all lines, with `lines` and `cases`."""
    hit = marked = wanted = lines = 0
    table = rows(cases)
    for number, row in enumerate(table, 1):
        gold = row.get("signature_line")
        if not isinstance(row.get("email"), str) or not isinstance(gold, list):
            raise BadInput(f"{cases} row {number} needs `email` and a list `signature_line`, has {', '.join(row)}")
        found = signature_lines(row["email"])
        if len(found) != len(gold):
            raise BadInput(f"{cases} row {number}: {len(found)} lines in the e-mail but {len(gold)} marks")
        hit += sum(bool(a) and bool(b) for a, b in zip(found, gold, strict=True))
        marked += sum(found)
        wanted += sum(map(bool, gold))
        lines += len(gold)
    precision, recall = hit / (marked or 1), hit / (wanted or 1)
    f1 = 2 * precision * recall / ((precision + recall) or 1)
    scores = {"precision": precision, "recall": recall, "f1": f1}
    return {**{k: round(v, 4) for k, v in scores.items()}, "lines": lines, "cases": len(table)}
