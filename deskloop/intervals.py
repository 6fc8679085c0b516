"""Every figure of a scorecard with its 95 % bootstrap interval over cases. Knows cases, no models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskloop import metrics

RESAMPLES = 500
Rows = NDArray[np.int_]


def resampled(statistic: Callable[[Rows], float], cases: int, seed: int = 0) -> metrics.Interval:
    """A statistic of case numbers with its percentile interval (Efron 1979). NaNs if empty.

    Resamples in which the statistic is not defined (one class alone) are left out.
    """
    if not cases:
        return metrics.Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    found = np.array([statistic(rng.integers(0, cases, cases)) for _ in range(RESAMPLES)])
    found = found[~np.isnan(found)]
    low, high = np.percentile(found, [2.5, 97.5]) if len(found) else (np.nan, np.nan)
    return metrics.Interval(statistic(np.arange(cases)), float(low), float(high))


def auroc(inside: Sequence[bool], scope: Sequence[float]) -> metrics.Interval:
    """How surely an in-scope message scores above one out of scope (Mann and Whitney 1947)."""
    from scipy.stats import rankdata

    known, score = np.asarray(inside, dtype=bool), np.asarray(scope, dtype=float)

    def area(rows: Rows) -> float:
        ours = known[rows]
        n, m = int(ours.sum()), int((~ours).sum())
        total = rankdata(score[rows])[ours].sum()
        return float((total - n * (n + 1) / 2) / (n * m)) if n and m else float("nan")

    return resampled(area, len(known))


def macro(truth: Sequence[str], said: Sequence[str], of: str) -> metrics.Interval:
    """Macro `precision` or `recall` over the labels of `truth`."""
    labels = sorted(set(truth) | set(said))
    code = {label: i for i, label in enumerate(labels)}
    t, p = (np.array([code[x] for x in side], dtype=int) for side in (truth, said))

    def mean(rows: Rows) -> float:
        ours, theirs = t[rows], p[rows]
        hit = np.bincount(ours[ours == theirs], minlength=len(labels))
        support = np.bincount(ours, minlength=len(labels))
        among = support if of == "recall" else np.bincount(theirs, minlength=len(labels))
        present = support > 0
        return float((hit[present] / np.maximum(among[present], 1)).mean())

    return resampled(mean, len(t))


def calibration(sure: Sequence[float], right: Sequence[bool]) -> metrics.Interval:
    """ECE. The bootstrap's own noise adds to it, so the interval leans upwards."""
    p, y = np.asarray(sure, dtype=float), np.asarray(right, dtype=float)
    return resampled(lambda rows: metrics.expected_calibration_error(p[rows], y[rows]), len(p))


def quantile(values: Sequence[float], share: float) -> metrics.Interval:
    """A percentile (0 to 100) of values."""
    sample = np.asarray(values, dtype=float)
    return resampled(lambda rows: float(np.percentile(sample[rows], share)), len(sample))


def perplexity(nats: Sequence[float], tokens: Sequence[float]) -> metrics.Interval:
    """Per token of all replies together, resampled reply by reply."""
    loss, size = np.asarray(nats, dtype=float), np.asarray(tokens, dtype=float)
    return resampled(lambda rows: float(np.exp(loss[rows].sum() / size[rows].sum())), len(loss))


def perplexity_gain(ours: Sequence[float], theirs: Sequence[float], tokens: Sequence[float]) -> metrics.Interval:
    """Our perplexity less theirs on the same replies, of as many tokens: below zero is better."""
    a, b, size = (np.asarray(values, dtype=float) for values in (ours, theirs, tokens))

    def less(rows: Rows) -> float:
        total = size[rows].sum()
        return float(np.exp(a[rows].sum() / total) - np.exp(b[rows].sum() / total))

    return resampled(less, len(a))


def means(kept: Mapping[str, list[float]], tables: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[float]]:
    """Per case, the scores of a scorecard that are means over cases."""
    cases = {name: kept.get(f"generated_{name}", []) for name in ("chrf", "similarity")}
    cases["generated_correct"] = kept.get("generated_correct", [])
    answers = tables.get("answers", [])
    cases["coverage"] = [float(r["shown"]) for r in answers if r["answerable"]]
    cases["wrong_rate"] = [float(r["wrong"]) for r in answers]
    cases["answer_correct"] = [float(r["correct"]) for r in answers if r["shown"]]
    cases["grounded"] = [float(r["grounded"]) for r in answers if r["shown"]]
    cases["mrr"] = kept.get("retrieval", [])
    cases["ndcg_at_10"] = [1 / np.log2(1 + 1 / r) if r else 0.0 for r in cases["mrr"]]
    for k in (1, 5):
        cases[f"recall_at_{k}"] = [float(reciprocal >= 1 / k) for reciprocal in cases["mrr"]]
    return cases


def of_intents(rows: Sequence[tuple[str, str, float]], outside: str) -> dict[str, tuple[metrics.Interval, int]]:
    """Intervals and counts of the intent scores. `rows`: the label, what was said, the in-scope score."""
    inside = [label != outside for label, *_ in rows]
    truth = [label for label, *_ in rows if label != outside]
    said = [name for label, name, _ in rows if label != outside]
    if not truth:
        return {}
    found = {
        "intent_accuracy": metrics.bootstrap([float(t == s) for t, s in zip(truth, said, strict=True)]),
        "intent_macro_precision": macro(truth, said, "precision"),
        "intent_macro_recall": macro(truth, said, "recall"),
        "intent_macro_f1": metrics.macro_f1_interval(truth, said),
    }
    scope = auroc(inside, [score for *_, score in rows])
    return {name: (value, len(truth)) for name, value in found.items()} | {"oos_auroc": (scope, len(rows))}


def table(scores: Mapping[str, float], found: Mapping[str, tuple[metrics.Interval, int]]) -> list[dict[str, Any]]:
    """One row a score: value, low, high, cases; None where there is no interval or no value."""
    rows = []
    for name, value in scores.items():
        interval, cases = found.get(name, (None, None))
        low, high = (interval.low, interval.high) if interval and value == value else (None, None)
        rows.append(
            {"score": name, "value": None if value != value else value, "low": low, "high": high, "cases": cases}
        )
    return rows
