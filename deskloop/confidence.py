"""How sure the bot may be that its best entry, or one of its best two, answers; and when it should not answer.

Logistic models over a few signals, fitted on held-out questions, and thresholds on them that keep the share of
wrong answers among all questions below what the business allows. Knows nothing about text. Why it is built so:
docs/decisions/abstention.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# `particular` is 1 where the question names an order, address or number of its own: such questions ask for what
# happened to somebody, which no entry tells
SIGNALS = ("score", "margin", "intent_confidence", "scope", "agreement", "particular")
# which way each may count; without this a signal that the held-out questions leave open can turn around
_BOUNDS = ((0, None), (0, None), (0, None), (0, None), (0, None), (None, 0), (None, None))
MISSING = 1.0  # weight of a question whose entry was taken away, next to a real one
FEWEST = 30  # questions to fit on
FEWEST_EACH = 5  # of them right, and wrong
REPEATS = 5  # cross-validations, averaged: one alone moves the threshold by chance
# from this chance that one of the best two answers, one of the best three does in most cases; chosen on the sample
# shop's validation split
OFFERED = 0.1
LEAST = 0.5  # threshold where hardly a held-out answer was wrong, so that they cannot tell which one will be
ALONE = 0.6  # share of the allowed wrong answers that single entries may use; what they leave, pairs may


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Confidence:
    """Logistic weights over SIGNALS, and the threshold below which the best entry is not shown by itself.

    `pair`, where there is one, says the same of the best two entries shown together.
    """

    weights: tuple[float, ...] = (8.0, 4.0, 1.0, 1.0, 1.0, 0.0)
    bias: float = -5.0
    threshold: float = 0.5
    coverage: float = float("nan")
    wrong_rate: float = float("nan")
    pair: Confidence | None = None

    def of(self, signals: ArrayLike) -> NDArray[np.float64]:
        """Probability that the top entry is the right one. Signals (n, s) in the order of SIGNALS."""
        z = np.asarray(signals, dtype=float) @ np.array(self.weights) + self.bias
        return 1 / (1 + np.exp(-np.clip(z, -30, 30)))

    def as_dict(self) -> dict[str, Any]:
        """JSON form; null for what was not measured."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "pair"}
        told = {name: None if value != value else value for name, value in own.items()}
        return told | ({"pair": self.pair.as_dict()} if self.pair else {})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Confidence:
        """Back from JSON."""
        known = {name: value for name, value in values.items() if value is not None}
        pair = {"pair": cls.from_dict(known["pair"])} if "pair" in known else {}
        return cls(**{**known, **pair, "weights": tuple(values["weights"])})


def fit(
    signals: ArrayLike,
    right: ArrayLike,
    max_wrong: float,
    seed: int = 0,
    missing: Mapping[int, ArrayLike] | None = None,
    second: ArrayLike | None = None,
) -> Confidence:
    """Fit on held-out questions: `signals` (n, s), `right` (n,) whether the top entry was the gold one.

    Questions without a gold entry count as not right, so the threshold learns to let them pass to a person;
    `missing` gives for some of the rows the signals (s,) that they would have if the knowledge lacked their gold
    entry: no row is right then, and the weights (not the threshold) learn from it what missing knowledge looks
    like. `second` (n,) tells whether the second entry was the gold one: then both may be shown together where the
    first alone is not sure enough. Fewer questions than can promise `max_wrong` (and than 30), or fewer than 5 of one
    outcome, keep the defaults. Thresholds are chosen on predictions made by cross-validation, so that they do not
    flatter themselves.
    """
    x, y = np.asarray(signals, dtype=float), np.asarray(right, dtype=float)
    gone = {row: np.asarray(values, dtype=float) for row, values in (missing or {}).items()}
    if len(y) < max(FEWEST, (1 - max_wrong) / max_wrong) or min(y.sum(), (1 - y).sum() + len(gone)) < FEWEST_EACH:
        return Confidence()
    either = y if second is None else np.maximum(y, np.asarray(second, dtype=float))
    if min((either - y).sum(), (1 - either).sum()) < FEWEST_EACH:
        least = LEAST if (1 - y).sum() < FEWEST_EACH else 0.0
        return _fitted(x, y, gone, *choose_threshold(_unseen(x, y, gone, seed), y > 0, max_wrong, least))
    one, two = _unseen(x, y, gone, seed), _unseen(x, either, gone, seed)
    chosen = choose_thresholds(one, y > 0, two, either > 0, max_wrong)
    single, pair = (_fitted(x, o, gone, *c) for o, c in zip((y, either), chosen, strict=True))
    return replace(single, pair=pair)


def _fitted(
    x: Floats, y: Floats, gone: Mapping[int, Floats], threshold: float, coverage: float, wrong: float
) -> Confidence:
    weights, bias = _logistic(*_with(x, y, gone, range(len(y))))
    return Confidence(tuple(float(w) for w in weights), bias, threshold, coverage, wrong)


def _unseen(x: Floats, y: Floats, gone: Mapping[int, Floats], seed: int) -> Floats:
    """Probability of right for each question, by models that have seen it in neither form; mean of five divisions."""
    out = np.zeros(len(y))
    for repeat in range(REPEATS):
        fold = _folds(y, np.random.default_rng(seed + repeat))
        for part in (fold == number for number in range(5)):
            weights, bias = _logistic(*_with(x, y, gone, np.flatnonzero(~part).tolist()))
            out[part] += 1 / (1 + np.exp(-np.clip(x[part] @ weights + bias, -30, 30))) / REPEATS
    return out


def _folds(y: Floats, chance: np.random.Generator) -> NDArray[np.int64]:
    """A fold of five for each question, with a fifth of each outcome, however few there are of it."""
    order = chance.permutation(len(y))
    fold = np.empty(len(y), dtype=np.int64)
    fold[order[np.argsort(y[order], kind="stable")]] = np.arange(len(y)) % 5
    return fold


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


def choose_threshold(
    confidence: ArrayLike, right: ArrayLike, max_wrong: float, least: float = 0.0
) -> tuple[float, float, float]:
    """Lowest threshold from `least` on whose wrong answers stay within `max_wrong` of all questions.

    Conformal risk control for the monotone loss "shown and wrong" (Angelopoulos et al. 2022, eq. 4): with n
    questions the empirical risk may be at most max_wrong - (1 - max_wrong) / n. Returns (threshold, share
    shown, wrong rate).
    """
    n = len(np.asarray(right))
    return _lowest(confidence, right, max_wrong - (1 - max_wrong) / n, n, least)


def choose_thresholds(
    one: ArrayLike, right: ArrayLike, two: ArrayLike, either: ArrayLike, max_wrong: float
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """The same for the best entry alone and, where that is not shown, for the best two together.

    Wrong is a shown text without the gold entry; both kinds count against one `max_wrong`. The shares and rates
    returned are each kind's own, of all questions.
    """
    p, y = np.asarray(one, dtype=float), np.asarray(right, dtype=bool)
    n = len(y)
    allowed = max_wrong - (1 - max_wrong) / n
    single = _lowest(p, y, ALONE * allowed, n)
    rest = p < single[0]
    pair = _lowest(np.asarray(two)[rest], np.asarray(either, dtype=bool)[rest], allowed - single[2], n)
    return single, pair


def _lowest(
    confidence: ArrayLike, right: ArrayLike, allowed: float, n: int, least: float = 0.0
) -> tuple[float, float, float]:
    """Lowest threshold from `least` on that shows wrong answers to at most the share `allowed` of `n` questions."""
    p, y = np.asarray(confidence, dtype=float), np.asarray(right, dtype=bool)
    order = np.argsort(-p, kind="stable")
    wrong = np.cumsum(~y[order]) / n
    # equally sure questions are shown or withheld together, so a threshold lies only where the next is less sure
    falls = np.append(np.diff(p[order]) < 0, True)[: len(p)]
    good = np.flatnonzero(falls & (wrong <= allowed) & (p[order] >= least))
    if not len(good):
        return 1.0, 0.0, 0.0
    last = int(good[-1])
    below = p[order[last + 1]] if last + 1 < len(p) else 0.0
    return max(least, float((p[order[last]] + below) / 2)), (last + 1) / n, float(wrong[last])


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
