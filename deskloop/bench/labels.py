"""How often the automatic "wrong" errs, by answers that a person has read and labelled.

A label belongs to a held-out question and the entries that were shown for it, so that it stays true whatever bot is
measured later. Knows nothing about bots.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deskloop.bench import rows
from deskloop.errors import BadInput

Row = Mapping[str, Any]


def disagreement(labels: Path, cases: Sequence[Row]) -> dict[str, Any]:
    """Rows {"id", "entries", "label", "why"}, label `right` or `wrong`; `cases` have "id" and "knowledge_id".

    The metric calls wrong what shows no gold entry. Counts both ways it errs, each as a share of what the metric
    said; labels of cases that are not here are counted as `unmatched`. Raises BadInput for another label.
    """
    gold = {str(case["id"]): case.get("knowledge_id") for case in cases if case.get("id") is not None}
    told: Counter[tuple[bool, bool]] = Counter()
    unmatched = 0
    for row in rows.read(labels, "id", "entries", "label"):
        if row["label"] not in ("right", "wrong"):
            raise BadInput(f"{labels}: label {row['label']!r} of {row['id']}; wanted right or wrong")
        if str(row["id"]) not in gold:
            unmatched += 1
            continue
        told[gold[str(row["id"])] in row["entries"], row["label"] == "right"] += 1
    fine, bad = told[True, True] + told[True, False], told[False, True] + told[False, False]
    return {
        "labelled": fine + bad,
        "unmatched": unmatched,
        "metric_right_hand_wrong": told[True, False],
        "metric_right": fine,
        "metric_wrong_hand_right": told[False, True],
        "metric_wrong": bad,
    }
