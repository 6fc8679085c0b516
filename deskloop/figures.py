"""What each score is called, what it is about, how it is written, and which way is better. Knows names, no models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["share", "plain", "points", "ms"]
WRITTEN: dict[Unit, Callable[[float], str]] = {
    "share": lambda value: f"{100 * value:.1f} %",
    "plain": lambda value: f"{value:.3f}",
    "points": lambda value: f"{value:.1f}",
    "ms": lambda value: f"{value:,.0f} ms",
}


@dataclass(frozen=True)
class Figure:
    """One score of a scorecard. `up`: more is better."""

    name: str
    title: str
    about: str
    unit: Unit = "share"
    up: bool = True

    def written(self, value: float | None) -> str:
        """The value with its unit; a dash where there is none."""
        return "–" if value is None or value != value else WRITTEN[self.unit](value)

    def between(self, low: float | None, high: float | None) -> str:
        """An interval with its unit; a dash where there is none."""
        if low is None or high is None:
            return "–"
        return f"{self.written(low).removesuffix(' %').removesuffix(' ms')} to {self.written(high)}"


_WANTS, _SEARCH, _WRITES, _SHOWS, _KNOWS, _FAST = (
    "What customers want", "Search", "What the generator writes", "What customers see", "Knowing its limits", "Speed",
)  # fmt: skip
ALL = (
    Figure("intent_accuracy", "Intent accuracy", _WANTS),
    Figure("intent_macro_precision", "Intent macro precision", _WANTS),
    Figure("intent_macro_recall", "Intent macro recall", _WANTS),
    Figure("intent_macro_f1", "Intent macro F1", _WANTS),
    Figure("topic_agreement", "Discovered topics told by the classifier (agreement with labels unknown)", _WANTS),
    Figure("topic_macro_f1", "The same, macro F1", _WANTS),
    Figure("recall_at_1", "Right entry found first (recall@1)", _SEARCH),
    Figure("recall_at_5", "Right entry among the first five (recall@5)", _SEARCH),
    Figure("mrr", "Mean reciprocal rank (MRR@10)", _SEARCH, "plain"),
    Figure("ndcg_at_10", "nDCG@10", _SEARCH, "plain"),
    Figure("truth", "First entry says what the human replied", _SEARCH),
    Figure("generated_correct", "Has the facts of the right entry", _WRITES),
    Figure("chrf", "Closeness to the human's words (chrF)", _WRITES, "points"),
    Figure("similarity", "Closeness to the human's meaning (cosine)", _WRITES, "plain"),
    Figure("perplexity", "Perplexity of the human's replies", _WRITES, "plain", up=False),
    Figure("coverage", "Answerable questions answered", _SHOWS),
    Figure("answer_correct", "Shown answers with the right entry's facts", _SHOWS),
    Figure("wrong_rate", "Wrong answers shown, of all questions", _SHOWS, up=False),
    Figure("grounded", "Shown answers that rest on their sources", _SHOWS),
    Figure("oos_auroc", "Out-of-scope AUROC", _KNOWS, "plain"),
    Figure("intent_ece", "Calibration error of the intent (ECE)", _KNOWS, "plain", up=False),
    Figure("answer_ece", "Calibration error of the answer (ECE)", _KNOWS, "plain", up=False),
    Figure("decision_p50_ms", "Time to a decision, median", _FAST, "ms", up=False),
    Figure("decision_p95_ms", "Time to a decision, 95th percentile", _FAST, "ms", up=False),
    Figure("answer_p50_ms", "Time to a whole answer, median", _FAST, "ms", up=False),
)
_KNOWN = {figure.name: figure for figure in ALL}
# what a baseline's figures are called, and the score of ours that stands beside them
_BESIDE = {
    "accuracy": "intent_accuracy", "macro_f1": "intent_macro_f1", "recall_at_1": "recall_at_1",
    "recall_at_5": "recall_at_5", "mrr": "mrr", "chrf": "chrf", "similarity": "similarity",
    "correct": "generated_correct", "perplexity": "perplexity",
}  # fmt: skip


def of(name: str) -> Figure:
    """The figure of that name; one that is not known is called by it."""
    return _KNOWN.get(name) or Figure(name, name.replace("_", " "), "Other", "plain")


def rows(scores: Mapping[str, Any], intervals: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """One row a score that was measured, in the order of `ALL`: about, score, value, interval, cases."""
    told = {row["score"]: row for row in intervals}
    names = [*(f.name for f in ALL if f.name in scores), *(name for name in scores if name not in _KNOWN)]
    return [_row(of(name), scores[name], told.get(name, {})) for name in names if _measured(scores[name])]


def beside(scores: Mapping[str, Any], baselines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a score that a baseline has, ours first, then a column for each baseline."""
    found = []
    for theirs, ours in _BESIDE.items():
        if any(row.get(theirs) is not None for row in baselines):
            figure = of(ours)
            told = {str(row["baseline"]): figure.written(row.get(theirs)) for row in baselines}
            found.append({"score": figure.title, "ours": figure.written(scores.get(ours)), **told})
    return found


def _row(figure: Figure, value: float, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "about": figure.about,
        "score": figure.title,
        "value": figure.written(value),
        "95 % interval": figure.between(told.get("low"), told.get("high")),
        "cases": told.get("cases"),
    }


def _measured(value: Any) -> bool:
    return value is not None and value == value
