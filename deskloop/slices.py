"""The parts of a test set that are looked at alone: by language, channel, length, customer and intent.

One definition for the gate, which refuses what breaks a part, and for the scorecard's table. Knows rows, no models.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deskloop import metrics

FEWEST = 15  # cases that make a slice: of fewer, a share says next to nothing and no test finds a loss
UNJUDGED = "not judged"  # outcome of a message of which nobody knows what was right
_LENGTHS = ((6, "up to 6 words"), (15, "7 to 15 words"), (10**9, "above 15 words"))
_CUSTOMERS: dict[Any, str] = {True: "new: wrote for the first time", False: "wrote before"}
_BY: dict[str, Callable[[Mapping[Any, Any]], Any]] = {
    "language": lambda row: row["language"],
    "channel": lambda row: row["channel"],
    "length": lambda row: next(name for most, name in _LENGTHS if row["words"] <= most),
    "customer": lambda row: _CUSTOMERS.get(row.get("newcomer")),
    "intent": lambda row: row["intent"],
}


def labels(rows: Sequence[Mapping[Any, Any]]) -> dict[str, list[str | None]]:
    """The slice of each message by each trait; None where it has none, such as no label."""
    counted = [{**row, "words": len(str(row["text"]).split())} for row in rows]
    return {trait: [v if isinstance(v, str) else None for v in map(of, counted)] for trait, of in _BY.items()}


def table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a slice, of the tickets of `backtest.tickets`, largest first within its trait.

    Shares are of the slice's cases and have Wilson intervals; a slice of too few cases is counted only.
    """
    found = []
    for trait, of in _BY.items():
        groups: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in rows:
            if of(row) is not None:
                groups[str(of(row))].append(row)
        found += [_row(trait, name, groups[name]) for name in sorted(groups, key=lambda n: (-len(groups[n]), n))]
    return found


def _row(trait: str, name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    few = len(rows) < FEWEST
    labelled = [row["understood"] for row in rows if row["understood"] is not None]
    judged = [row["outcome"] for row in rows if row["outcome"] != UNJUDGED]
    shown = [outcome in ("right", "wrong") for outcome in judged]
    wrong = [outcome == "wrong" for outcome in judged]
    shares = {"intent accuracy": labelled, "answered": shown, "answered wrongly": wrong}
    told = {title: "too few" if few else _share(values) for title, values in shares.items()}
    return {"slice": trait, "value": name, "cases": len(rows), **told}


def _share(values: Sequence[bool]) -> str:
    if not values:
        return "no labels"
    found = metrics.wilson(sum(values), len(values))
    return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"
