"""Scores and their confidence intervals. Knows nothing about models or data sources."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A point estimate with its 95 % percentile bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    @property
    def excludes_zero(self) -> bool:
        """Is the sign certain at 95 %?"""
        return self.low > 0 or self.high < 0


def bootstrap(values: ArrayLike, seed: int = 0) -> Interval:
    """Mean of `values` (n,) with a percentile bootstrap interval (Efron 1979). NaNs if empty."""
    sample = np.asarray(values, dtype=float)
    if not len(sample):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    means = [sample[rng.integers(0, len(sample), len(sample))].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(sample.mean()), float(low), float(high))


def paired_bootstrap(ours: ArrayLike, theirs: ArrayLike, seed: int = 0) -> Interval:
    """Mean difference ours - theirs over the same cases (n,), with its interval (Koehn 2004)."""
    a, b = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if a.shape != b.shape:
        raise ValueError(f"paired scores need the same cases, got {a.shape} and {b.shape}")
    return bootstrap(a - b, seed)


def sign_test(ours: ArrayLike, theirs: ArrayLike) -> float:
    """One-sided p that ours beat theirs on so many of the cases (n,) that differ by chance: exact.

    On scores of 0 and 1 it is McNemar's test (1947). 1 if no case differs.
    """
    difference = np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)
    wins, losses = int((difference > 0).sum()), int((difference < 0).sum())
    n = wins + losses
    return sum(math.comb(n, k) for k in range(wins, n + 1)) / 2**n


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p values (Holm 1979): where those at most alpha are rejected, a true one seldom is."""
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = highest
    return adjusted


def classification(truth: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """Accuracy, macro precision, recall and F1 over the labels of `truth`, and micro F1."""
    from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

    labels = sorted(set(truth))
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, predicted, labels=labels, average="macro", zero_division=0
    )
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro_precision": float(precision),
        "macro_recall": float(recall),
        "macro_f1": float(f1),
        "micro_f1": float(f1_score(truth, predicted, labels=labels, average="micro", zero_division=0)),
    }


def per_class(truth: Sequence[str], predicted: Sequence[str]) -> list[dict[str, float | str | int]]:
    """Precision, recall, F1 and support of each label, the weakest first."""
    from sklearn.metrics import precision_recall_fscore_support

    labels = sorted(set(truth))
    table = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    rows: list[dict[str, float | str | int]] = [
        {"intent": label, "precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
        for label, p, r, f, n in zip(labels, *table, strict=True)
    ]
    return sorted(rows, key=lambda row: float(row["f1"]))


def macro_f1_interval(
    truth: Sequence[str], predicted: Sequence[str], seed: int = 0, resamples: int = 500
) -> Interval:
    """Macro F1 with a bootstrap interval over cases. NaNs if empty."""
    if not len(truth):
        return Interval(float("nan"), float("nan"), float("nan"))
    labels = sorted(set(truth) | set(predicted))
    code = {label: i for i, label in enumerate(labels)}
    t, p = np.array([code[x] for x in truth]), np.array([code[x] for x in predicted])
    rng = np.random.default_rng(seed)
    samples = (rng.integers(0, len(t), len(t)) for _ in range(resamples))
    low, high = np.percentile([_macro_f1(t[rows], p[rows], len(labels)) for rows in samples], [2.5, 97.5])
    return Interval(_macro_f1(t, p, len(labels)), float(low), float(high))


def _macro_f1(truth: NDArray[np.int_], predicted: NDArray[np.int_], classes: int) -> float:
    hit = np.bincount(truth[truth == predicted], minlength=classes)
    support, said = np.bincount(truth, minlength=classes), np.bincount(predicted, minlength=classes)
    present = support > 0
    return float((2 * hit[present] / np.maximum(support[present] + said[present], 1)).mean())


def retrieval(ranks: Sequence[int | None]) -> dict[str, float]:
    """recall@1, recall@5, MRR@10 and nDCG@10 from the gold entry's rank (1 is best, None is not found)."""
    found = np.array([np.inf if r is None else r for r in ranks], dtype=float)
    if not len(found):
        return dict.fromkeys(("recall_at_1", "recall_at_5", "mrr", "ndcg_at_10"), float("nan"))
    reciprocal = np.where(found <= 10, 1 / found, 0.0)
    return {
        "recall_at_1": float((found <= 1).mean()),
        "recall_at_5": float((found <= 5).mean()),
        "mrr": float(reciprocal.mean()),
        "ndcg_at_10": float(np.where(found <= 10, 1 / np.log2(1 + found), 0.0).mean()),
    }


def chrf(answers: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """chrF per answer, 0 to 100 (Popović 2015), by sacrebleu's defaults."""
    from sacrebleu.metrics.chrf import CHRF

    score = CHRF()
    pairs = zip(answers, references, strict=True)
    return np.array([score.sentence_score(a, [r]).score for a, r in pairs], dtype=float)


def expected_calibration_error(confidence: ArrayLike, right: ArrayLike, bins: int = 15) -> float:
    """ECE over equal-width bins (Guo et al. 2017)."""
    p, y = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    which = np.clip((p * bins).astype(int), 0, bins - 1)
    gaps = [abs(p[which == b].mean() - y[which == b].mean()) * (which == b).mean() for b in set(which.tolist())]
    return float(sum(gaps))


def wilson(hits: int, trials: int) -> Interval:
    """A share with its two-sided 95 % interval (Wilson 1927); between 0 and 1 if there were no trials."""
    return Interval(hits / trials, *_bounds(hits, trials, "two-sided")) if trials else Interval(0.0, 0.0, 1.0)


def wilson_upper(hits: int, trials: int) -> float:
    """One-sided 95 % upper bound of a share (Wilson 1927). 1 if there were no trials."""
    return _bounds(hits, trials, "less")[1] if trials else 1.0


def _bounds(hits: int, trials: int, side: Literal["two-sided", "less"]) -> tuple[float, float]:
    from scipy.stats import binomtest

    found = binomtest(int(hits), trials, alternative=side).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
