"""How sure the bot may be that its best entry answers the question, and when it should not answer.

A logistic model over a few signals, fitted on held-out questions, and a threshold on it that keeps the
share of wrong answers among all questions below what the business allows. Knows nothing about text.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIGNALS = ("score", "margin", "intent_confidence", "scope", "agreement")


@dataclass(frozen=True)
class Confidence:
    """Logistic weights over SIGNALS, and the threshold below which a person takes over."""

    weights: tuple[float, ...] = (8.0, 4.0, 1.0, 1.0, 1.0)
    bias: float = -5.0
    threshold: float = 0.5
    coverage: float = float("nan")
    wrong_rate: float = float("nan")

    def of(self, signals: ArrayLike) -> NDArray[np.float64]:
        """Probability that the top entry is the right one. Signals (n, 5) in the order of SIGNALS."""
        z = np.asarray(signals, dtype=float) @ np.array(self.weights) + self.bias
        return 1 / (1 + np.exp(-np.clip(z, -30, 30)))

    def as_dict(self) -> dict[str, Any]:
        """JSON form; null for what was not measured."""
        return {name: None if value != value else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Confidence:
        """Back from JSON."""
        known = {name: value for name, value in values.items() if value is not None}
        return cls(**{**known, "weights": tuple(values["weights"])})


def fit(signals: ArrayLike, right: ArrayLike, max_wrong: float, seed: int = 0) -> Confidence:
    """Fit on held-out questions: `signals` (n, 5), `right` (n,) whether the top entry was the gold one.

    Questions without a gold entry count as not right, so the threshold learns to let them pass to a person.
    Fewer than 30 questions, or only one outcome, keep the defaults. The threshold is chosen on predictions
    made by cross-validation, so that it does not flatter itself.
    """
    x, y = np.asarray(signals, dtype=float), np.asarray(right, dtype=bool)
    if len(y) < 30 or min(y.sum(), (~y).sum()) < 5:
        return Confidence()
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    model = LogisticRegression(C=1.0, max_iter=1000)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    unseen = cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]
    threshold, coverage, wrong = choose_threshold(unseen, y, max_wrong)
    model.fit(x, y)
    weights = tuple(float(w) for w in model.coef_[0])
    return Confidence(weights, float(model.intercept_[0]), threshold, coverage, wrong)


def choose_threshold(confidence: ArrayLike, right: ArrayLike, max_wrong: float) -> tuple[float, float, float]:
    """Lowest threshold whose wrong answers stay within `max_wrong` of all questions.

    Conformal risk control for the monotone loss "shown and wrong" (Angelopoulos et al. 2022, eq. 4): with n
    questions the empirical risk may be at most max_wrong - (1 - max_wrong) / n. Returns (threshold, share
    shown, wrong rate).
    """
    p, y = np.asarray(confidence, dtype=float), np.asarray(right, dtype=bool)
    n = len(p)
    order = np.argsort(-p, kind="stable")
    wrong = np.cumsum(~y[order]) / n
    # equally sure questions are shown or withheld together, so a threshold lies only where the next is less sure
    falls = np.append(np.diff(p[order]) < 0, True)
    allowed = np.flatnonzero(falls & (wrong <= max_wrong - (1 - max_wrong) / n))
    if not len(allowed):
        return 1.0, 0.0, 0.0
    last = int(allowed[-1])
    below = p[order[last + 1]] if last + 1 < n else 0.0
    return float((p[order[last]] + below) / 2), (last + 1) / n, float(wrong[last])
