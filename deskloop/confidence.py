"""How sure the bot may be that its best entry answers the question, and when it should not answer.

A logistic model over a few signals, fitted on held-out questions, and a threshold on it that keeps the
share of wrong answers among all questions below what the business allows. Knows nothing about text. Why it is
built so: docs/decisions/abstention.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# `particular` is 1 where the question names an order, address or number of its own: such questions ask for what
# happened to somebody, which no entry tells
SIGNALS = ("score", "margin", "intent_confidence", "scope", "agreement", "particular")
# which way each may count; without this a signal that the held-out questions leave open can turn around
_BOUNDS = ((0, None), (0, None), (0, None), (0, None), (0, None), (None, 0), (None, None))
MISSING = 0.5  # weight of a question whose entry was taken away, next to a real one
FEWEST = 30  # questions to fit on
REPEATS = 5  # cross-validations: one alone moves the threshold by chance


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Confidence:
    """Logistic weights over SIGNALS, and the threshold below which a person takes over."""

    weights: tuple[float, ...] = (8.0, 4.0, 1.0, 1.0, 1.0, 0.0)
    bias: float = -5.0
    threshold: float = 0.5
    coverage: float = float("nan")
    wrong_rate: float = float("nan")

    def of(self, signals: ArrayLike) -> NDArray[np.float64]:
        """Probability that the top entry is the right one. Signals (n, s) in the order of SIGNALS."""
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


def fit(
    signals: ArrayLike,
    right: ArrayLike,
    max_wrong: float,
    seed: int = 0,
    missing: Mapping[int, ArrayLike] | None = None,
) -> Confidence:
    """Fit on held-out questions: `signals` (n, s), `right` (n,) whether the top entry was the gold one.

    Questions without a gold entry count as not right, so the threshold learns to let them pass to a person;
    `missing` gives for some of the rows the signals (s,) that they would have if the knowledge lacked their gold
    entry: no row is right then, and the weights (not the threshold) learn from it what missing knowledge looks
    like. Fewer than 30 questions, or fewer than 5 of one outcome, keep the defaults. The threshold is chosen on
    predictions made by cross-validation, so that it does not flatter itself: the most cautious of five.
    """
    x, y = np.asarray(signals, dtype=float), np.asarray(right, dtype=float)
    if len(y) < FEWEST or min(y.sum(), (1 - y).sum()) < 5:
        return Confidence()
    gone = {row: np.asarray(values, dtype=float) for row, values in (missing or {}).items()}
    tried = [choose_threshold(_unseen(x, y, gone, seed + i), y > 0, max_wrong) for i in range(REPEATS)]
    threshold, coverage, wrong = max(tried)
    weights, bias = _logistic(*_with(x, y, gone, range(len(y))))
    return Confidence(tuple(float(w) for w in weights), bias, threshold, coverage, wrong)


def _unseen(x: Floats, y: Floats, gone: Mapping[int, Floats], seed: int) -> Floats:
    """Probability of right for each question, by models that have seen it in neither form."""
    from sklearn.model_selection import StratifiedKFold

    out = np.zeros(len(y))
    for rest, part in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
        weights, bias = _logistic(*_with(x, y, gone, rest.tolist()))
        out[part] = 1 / (1 + np.exp(-np.clip(x[part] @ weights + bias, -30, 30)))
    return out


def _with(x: Floats, y: Floats, gone: Mapping[int, Floats], rows: Iterable[int]) -> tuple[Floats, Floats, Floats]:
    """Signals, outcomes and weights of `rows`, and of the same rows without their entries."""
    kept = list(rows)
    lost = [gone[row] for row in kept if row in gone]
    signals = np.vstack([x[kept], *lost])
    share = np.concatenate([np.ones(len(kept)), np.full(len(lost), MISSING)])
    return signals, np.concatenate([y[kept], np.zeros(len(lost))]), share


def _logistic(x: Floats, y: Floats, share: Floats) -> tuple[Floats, float]:
    """Weights (s,) within `_BOUNDS`, and bias, of least log loss with a ridge on standardised signals."""
    from scipy.optimize import minimize

    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = np.column_stack([(x - middle) / spread, np.ones(len(x))])

    def loss(w: Floats) -> tuple[float, Floats]:
        logit = z @ w
        ridge = np.append(w[:-1], 0.0)
        value = share @ (np.logaddexp(0, logit) - y * logit) + 0.5 * ridge @ ridge
        return float(value), z.T @ (share * (1 / (1 + np.exp(-logit)) - y)) + ridge

    found = minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B", bounds=_BOUNDS).x
    weights = found[:-1] / spread
    return weights, float(found[-1] - weights @ middle)


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


def curve(confidence: ArrayLike, right: ArrayLike, steps: int = 20) -> list[dict[str, float]]:
    """Share of questions shown, wrong of all, and wrong of shown, as the threshold falls: the abstention curve."""
    p, y = np.asarray(confidence, dtype=float), np.asarray(right, dtype=bool)
    rows = []
    for threshold in np.unique(np.quantile(p, np.linspace(0, 1, steps + 1)))[::-1] if len(p) else ():
        shown = p >= threshold
        wrong = int((shown & ~y).sum())
        rows.append({
            "threshold": round(float(threshold), 3), "shown": float(shown.mean()),
            "wrong": wrong / len(p), "wrong_of_shown": wrong / int(shown.sum()),
        })  # fmt: skip
    return rows
