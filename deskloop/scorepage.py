"""The scorecard as a page: figures with intervals beside honest baselines, calibration, abstention, slices, mistakes.

Reads the scorecard in its JSON form; knows nothing about models or stages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deskloop import figures, sheet

PAGE = "scorecard.html"
_BINS = 10
_MOST_CLASSES = 30
_GREEN, _RED, _GREY = "#2f6f4f", "#b5532a", "#c9d3cc"
# the columns of all tables in the order that people read; the scorecard's JSON has them by the alphabet
_FIRST = (
    "suite", "case", "passed", "total",
    "about", "score", "slice", "value", "low", "high", "baseline", "without", "part", "feature", "ours", "theirs",
    "difference", "intent", "label", "topic", "taken_for", "times", "precision", "recall", "f1", "support",
    "95 % interval", "cases", "intent accuracy", "answered", "answered wrongly", "accuracy", "macro_f1",
)  # fmt: skip
Rows = Sequence[Mapping[str, Any]]


def page(card: Mapping[str, Any], ablation: Rows = ()) -> str:
    """The whole page, of `Scorecard.as_dict` with `baselines` and `gains`."""
    tables = card["tables"]
    tickets = tables.get("tickets", [])
    skipped = [{"part": part, "skipped because": why} for part, why in card["skipped"].items()]
    parts = [
        '<p class="told">Held-out messages that the model has not learnt from, none of them synthetic. Intervals are '
        "95 %, by bootstrap over the cases.</p>",
        sheet.big(_headline(card["scores"], tickets)),
        _section("Figures", figures.rows(card["scores"], tables.get("intervals", [])), "about"),
        _section(
            "Beside honest baselines on the same messages", figures.beside(card["scores"], card.get("baselines", []))
        ),
        _section("How much better, case by case", card.get("gains", []), "baseline"),
        _pictures(tickets),
        _section("Behaviour", [*tables.get("behaviour", []), *_judged(card.get("suites", {}))], "suite"),
        _section("Slices", tables.get("slices", []), "slice"),
        _section("What each part adds, case by case", [*ablation, *card.get("search", [])], "part"),
        _confusion(tables.get("intent_pairs", [])),
        _section("Each intent, the weakest first", tables.get("per_intent", [])),
        _section("Each topic (discovered, not labelled)", tables.get("per_topic", [])),
        _section("Commonest confusions", tables.get("confusions", [])),
        _section("Skipped", skipped),
    ]
    return sheet.page("Scorecard", parts)


def _headline(scores: Mapping[str, Any], tickets: Rows) -> dict[str, str]:
    """What a manager asks first; the shares of tickets are those of the backtest."""
    told = {
        "of past tickets answered": _share(tickets, "right", "wrong"),
        "of past tickets answered wrongly": _share(tickets, "wrong"),
    } if tickets else {}  # fmt: skip
    named = {
        "of intents understood": "intent_accuracy",
        "found by the first entry": "recall_at_1",
        "of shown answers rest on their sources": "grounded",
    }
    known = {title: figures.of(name).written(scores.get(name)) for title, name in named.items()}
    return told | {title: value for title, value in known.items() if value != "–"}


def _share(tickets: Rows, *outcomes: str) -> str:
    return f"{100 * sum(row['outcome'] in outcomes for row in tickets) / len(tickets):.1f} %"


def _section(title: str, rows: Rows, grouped: str | None = None) -> str:
    if not rows:
        return ""
    return f"<h2>{title}</h2>{sheet.table(rows, _FIRST, grouped if grouped in rows[0] else None)}"


def _judged(suites: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The suites that the gate insists on, in the form of the others."""
    return [
        {"suite": name, "case": case, "passed": row["cases"] - len(row["failed"]), "total": row["cases"]}
        for name, found in suites.items()
        for case, row in (found.get("kinds") or {"all": found}).items()
    ]


def plots(card: Mapping[str, Any]) -> dict[str, bytes]:
    """The page's pictures as PNG files by name, for tools that show files."""
    tables = card["tables"]
    made = {
        "calibration.png": _calibration(tables.get("tickets", [])),
        "confusion.png": _matrix(tables.get("intent_pairs", [])),
    }
    return {name: sheet.png(figure) for name, figure in made.items() if figure is not None}


def _pictures(tickets: Rows) -> str:
    figure = _calibration(tickets)
    if figure is None:
        return ""
    told = "Left: how often the first entry is right, by confidence. Right: wrong answers by share answered."
    return (
        f"<h2>Does it know when it does not know?</h2>{sheet.picture(figure, told)}"
        '<p class="told"><small>Left: above the dotted line it is right more often than it claims; the bars tell how '
        "many messages have that confidence. Right: the curve is what answering more of the questions from the first "
        "entry would cost; the dot is where it stands, answers from two entries included.</small></p>"
    )


def _calibration(tickets: Rows) -> Any:
    """The figure of reliability and abstention; None without tickets."""
    if not tickets:
        return None
    sure = np.array([row["sure"] for row in tickets])
    right = np.array([bool(row["findable"]) for row in tickets])
    figure = sheet.figure(10, 3.8)
    left, middle = figure.subplots(1, 2)
    _reliability(left, sure, right)
    _abstention(middle, sure, right, [row["outcome"] for row in tickets])
    return figure


def _reliability(axes: Any, sure: Any, right: Any) -> None:
    which = np.clip((sure * _BINS).astype(int), 0, _BINS - 1)
    bins = [b for b in range(_BINS) if (which == b).any()]
    share = [(which == b).mean() for b in bins]
    axes.bar([(b + 0.5) / _BINS for b in bins], share, width=0.9 / _BINS, color=_GREY, label="share of messages")
    axes.plot([0, 1], [0, 1], color="#777", linestyle=":")
    axes.plot([sure[which == b].mean() for b in bins], [right[which == b].mean() for b in bins], "o-", color=_GREEN)
    axes.set(xlabel="confidence", ylabel="share right", title="Reliability", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(fontsize=8, loc="upper left")


def _abstention(axes: Any, sure: Any, right: Any, outcomes: Sequence[str]) -> None:
    order = np.argsort(-sure, kind="stable")
    answered = np.arange(1, len(order) + 1) / len(order)
    wrong = np.cumsum(~right[order]) / len(order)
    axes.plot(100 * answered, 100 * wrong, color=_RED)
    now = 100 * sum(o in ("right", "wrong") for o in outcomes) / len(outcomes)
    bad = 100 * sum(o == "wrong" for o in outcomes) / len(outcomes)
    axes.plot([now], [bad], "o", color="#222", label=f"as it is set: {now:.0f} % answered, {bad:.1f} % wrong")
    axes.set(xlabel="answered, % of all questions", ylabel="wrong, % of all questions", title="Abstention")
    axes.set(xlim=(0, 100), ylim=(0, None))
    axes.legend(fontsize=8, loc="upper left")


def _confusion(pairs: Rows) -> str:
    figure = _matrix(pairs)
    return "" if figure is None else f"<h2>Confusion</h2>{sheet.picture(figure, 'Which intent is taken for which')}"


def _matrix(pairs: Rows) -> Any:
    """The figure of which intent is taken for which, of the commonest ones; None without intents."""
    if not pairs:
        return None
    sizes = Counter[str]()
    for pair in pairs:
        sizes[pair["intent"]] += pair["times"]
    names = sorted(name for name, _ in sizes.most_common(_MOST_CLASSES))
    place = {name: i for i, name in enumerate(names)}
    matrix = np.zeros((len(names), len(names)))
    for pair in pairs:
        if pair["intent"] in place and pair["said"] in place:
            matrix[place[pair["intent"]], place[pair["said"]]] = pair["times"] / sizes[pair["intent"]]
    side = 3 + 0.24 * len(names)
    figure = sheet.figure(side, side)
    axes = figure.subplots()
    axes.imshow(matrix, cmap="Greens", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set(xlabel="taken for", ylabel="intent", title="Share of each intent's messages")
    return figure
