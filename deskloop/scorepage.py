"""The scorecard as a page: figures with intervals beside honest baselines, calibration, abstention, slices, mistakes.

Reads the scorecard in its JSON form; knows nothing about models or stages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deskloop import sheet

PAGE = "scorecard.html"
_BINS = 10
_MOST_CLASSES = 30
# the columns of all tables in the order that people read; the scorecard's JSON has them by the alphabet
_FIRST = (
    "suite", "case", "passed", "total",
    "score", "slice", "value", "low", "high", "baseline", "without", "feature", "fine-tuned", "untuned", "difference",
    "intent", "label", "topic", "taken_for", "times", "precision", "recall", "f1", "support", "cases",
    "intent accuracy", "answered", "answered wrongly", "accuracy", "macro_f1",
)  # fmt: skip

Rows = Sequence[Mapping[str, Any]]


def page(card: Mapping[str, Any], ablation: Rows = ()) -> str:
    """The whole page, of `Scorecard.as_dict` with `baselines` and `gains`."""
    tables = card["tables"]
    tickets = tables.get("tickets", [])
    skipped = [{"part": part, "skipped because": why} for part, why in card["skipped"].items()]
    parts = [
        "<p>Held-out messages that the model has not learnt from, none of them synthetic. Intervals are 95 %.</p>",
        _section("Figures", tables.get("intervals", []) or _plain(card["scores"])),
        _section("Baselines on the same messages", card.get("baselines", [])),
        _section("Fine-tuned less untuned, paired", card.get("gains", [])),
        _pictures(tickets),
        _section("Behaviour", [*tables.get("behaviour", []), *_judged(card.get("suites", {}))]),
        _section("Slices", tables.get("slices", [])),
        _section("What each part of the classifier adds, paired", list(ablation)),
        _confusion(tables.get("intent_pairs", [])),
        _section("Each intent", tables.get("per_intent", [])),
        _section("Each topic (discovered, not labelled)", tables.get("per_topic", [])),
        _section("Commonest confusions", tables.get("confusions", [])),
        _section("Skipped", skipped),
    ]
    return sheet.page("Scorecard", parts)


def _section(title: str, rows: Rows) -> str:
    return f"<h2>{title}</h2>{sheet.table(rows, _FIRST)}" if rows else ""


def _judged(suites: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The suites that the gate insists on, in the form of the others."""
    return [
        {"suite": name, "case": "all", "passed": found["cases"] - len(found["failed"]), "total": found["cases"]}
        for name, found in suites.items()
    ]


def _plain(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"score": name, "value": value} for name, value in scores.items()]


def _pictures(tickets: Rows) -> str:
    if not tickets:
        return ""
    sure = np.array([row["sure"] for row in tickets])
    right = np.array([bool(row["findable"]) for row in tickets])
    figure = sheet.figure(10, 3.6)
    left, middle = figure.subplots(1, 2)
    _reliability(left, sure, right)
    _abstention(middle, sure, right, [row["outcome"] in ("right", "wrong") for row in tickets])
    told = "Left: how often an answer is right, by confidence. Right: wrong answers by share answered."
    return f"<h2>Does it know when it does not know?</h2>{sheet.picture(figure, told)}"


def _reliability(axes: Any, sure: Any, right: Any) -> None:
    which = np.clip((sure * _BINS).astype(int), 0, _BINS - 1)
    bins = [b for b in range(_BINS) if (which == b).any()]
    axes.plot([0, 1], [0, 1], color="#999", linestyle=":")
    axes.plot(
        [sure[which == b].mean() for b in bins], [right[which == b].mean() for b in bins], "o-", color="#2f6f4f"
    )
    axes.set(xlabel="confidence", ylabel="share right", title="Reliability", xlim=(0, 1), ylim=(0, 1.02))


def _abstention(axes: Any, sure: Any, right: Any, shown: Sequence[bool]) -> None:
    order = np.argsort(-sure, kind="stable")
    answered = np.arange(1, len(order) + 1) / len(order)
    wrong = np.cumsum(~right[order]) / len(order)
    axes.plot(answered, wrong, color="#b5532a")
    now, bad = float(np.mean(shown)), float(np.mean(np.asarray(shown) & ~right))
    axes.plot([now], [bad], "o", color="#222", label=f"as it is set: {now:.0%} answered, {bad:.1%} wrong")
    axes.set(xlabel="share of all questions answered", ylabel="wrong, of all questions", title="Abstention")
    axes.legend(fontsize=8)


def _confusion(pairs: Rows) -> str:
    """The picture of which intent is taken for which, of the commonest ones."""
    if not pairs:
        return ""
    sizes = Counter[str]()
    for pair in pairs:
        sizes[pair["intent"]] += pair["times"]
    names = sorted(name for name, _ in sizes.most_common(_MOST_CLASSES))
    place = {name: i for i, name in enumerate(names)}
    matrix = np.zeros((len(names), len(names)))
    for pair in pairs:
        if pair["intent"] in place and pair["said"] in place:
            matrix[place[pair["intent"]], place[pair["said"]]] = pair["times"] / sizes[pair["intent"]]
    side = 3 + 0.22 * len(names)
    figure = sheet.figure(side, side)
    axes = figure.subplots()
    axes.imshow(matrix, cmap="Greens", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set(xlabel="taken for", ylabel="intent", title="Share of each intent's messages")
    return f"<h2>Confusion</h2>{sheet.picture(figure, 'Which intent is taken for which')}"
