"""How sure the bot may be that its best entry, or one of its best two, answers; and when it should not answer.

Logistic models over a few signals, fitted on held-out questions, and thresholds on them that keep the share of
wrong answers among all questions below what the business allows. Knows nothing about text. Why it is built so:
docs/decisions/abstention.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

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
OFFERED = 0.3
ALONE = 0.6  # share of the allowed wrong answers that single entries may use; what they leave, pairs may


Floats = NDArray[np.float64]
Scale = tuple[float, float]


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
        return _sigmoid(np.asarray(signals, dtype=float) @ np.array(self.weights) + self.bias)

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


class Held(NamedTuple):
    """Questions that a model has not seen: how sure it is (n,), whether rightly (n,), and how sure without the
    entries of some (m,).
    """

    sure: Floats
    right: NDArray[np.bool_]
    lost: Floats = np.empty(0)


def fit(
    signals: ArrayLike,
    right: ArrayLike,
    max_wrong: float,
    seed: int = 0,
    missing: Mapping[int, ArrayLike] | None = None,
    second: ArrayLike | None = None,
    max_unknown: float = 1.0,
) -> Confidence:
    """Fit on held-out questions: `signals` (n, s), `right` (n,) whether the top entry was the gold one.

    Questions without a gold entry count as not right, so the threshold learns to let them pass to a person;
    `missing` gives for some of the rows the signals (s,) that they would have if the knowledge lacked their gold
    entry: no row is right then; the weights learn from it what missing knowledge looks like, and the thresholds let
    at most `max_unknown` of them be answered. `second` (n,) tells whether the second entry was the gold one: then
    both may be shown together where the first alone is not sure enough. Fewer questions than can promise `max_wrong`
    (and than 30), or fewer than 5 of one outcome, keep the defaults. Thresholds are chosen on predictions made by
    cross-validation, so that they do not flatter themselves.
    """
    x, y = np.asarray(signals, dtype=float), np.asarray(right, dtype=float)
    gone = {row: np.asarray(values, dtype=float) for row, values in (missing or {}).items()}
    if len(y) < max(FEWEST, (1 - max_wrong) / max_wrong) or min(y.sum(), (1 - y).sum() + len(gone)) < FEWEST_EACH:
        return Confidence()
    either = y if second is None else np.maximum(y, np.asarray(second, dtype=float))
    one, scale = _unseen(x, y, gone, seed)
    if min((either - y).sum(), (1 - either).sum()) < FEWEST_EACH:
        return _fitted(x, y, gone, scale, *choose_threshold(one, max_wrong, max_unknown))
    two, scale_of_two = _unseen(x, either, gone, seed)
    chosen = choose_thresholds(one, two, max_wrong, max_unknown)
    pair = _fitted(x, either, gone, scale_of_two, *chosen[1])
    return replace(_fitted(x, y, gone, scale, *chosen[0]), pair=pair)


def _fitted(
    x: Floats, y: Floats, gone: Mapping[int, Floats], scale: Scale, threshold: float, coverage: float, wrong: float
) -> Confidence:
    weights, bias = _logistic(*_with(x, y, gone, range(len(y))))
    slope, shift = scale
    told = tuple(float(w) for w in slope * weights)
    return Confidence(told, slope * bias + shift, min(1.0, threshold), coverage, wrong)


def _unseen(x: Floats, y: Floats, gone: Mapping[int, Floats], seed: int) -> tuple[Held, Scale]:
    """How sure models are that have seen the question in neither form, and the scale on which they are so.

    Means of five divisions.
    """
    sure, lost = np.zeros(len(y)), np.zeros(len(gone))
    taken = np.array(list(gone), dtype=int)
    without = np.array(list(gone.values())).reshape(len(gone), x.shape[1])
    for repeat in range(REPEATS):
        fold = _folds(y, np.random.default_rng(seed + repeat))
        for part in (fold == number for number in range(5)):
            weights, bias = _logistic(*_with(x, y, gone, np.flatnonzero(~part).tolist()))
            sure[part] += (x[part] @ weights + bias) / REPEATS
            lost[part[taken]] += (without[part[taken]] @ weights + bias) / REPEATS
    slope, shift = scale = _scale(sure, y)
    return Held(_sigmoid(slope * sure + shift), y > 0, _sigmoid(slope * lost + shift)), scale


def _scale(logits: Floats, y: Floats) -> Scale:
    """Slope and shift that make real questions as sure as they are right (Platt 1999).

    The weights learn from as many taken entries as real ones, so by themselves they tell too little. Left as they
    are where too few were wrong to tell how often that happens.
    """
    from scipy.optimize import minimize

    if (1 - y).sum() < FEWEST_EACH:
        return 1.0, 0.0

    def loss(w: Floats) -> float:
        z = w[0] * logits + w[1]
        return float((np.logaddexp(0, z) - y * z).mean())

    slope, shift = minimize(loss, [1.0, 0.0], method="L-BFGS-B", bounds=[(0.1, 10), (None, None)]).x
    return float(slope), float(shift)


def _sigmoid(z: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(z, -30, 30)))


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
        return float(value), z.T @ (share * (_sigmoid(logit) - y)) + ridge

    found = minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B", bounds=_BOUNDS).x
    weights = found[:-1] / spread
    return weights, float(found[-1] - weights @ middle)


def choose_threshold(held: Held, max_wrong: float, max_unknown: float = 1.0) -> tuple[float, float, float]:
    """Lowest threshold whose wrong answers stay within `max_wrong` of all questions.

    Conformal risk control for the monotone loss "shown and wrong" (Angelopoulos et al. 2022, eq. 4): with n
    questions the empirical risk may be at most max_wrong - (1 - max_wrong) / n; likewise for `max_unknown` of those
    whose entry was taken away. Returns (threshold, share shown, wrong rate).
    """
    threshold = _lowest(held, _allowed(max_wrong, held.right), _allowed(max_unknown, held.lost))
    shown = held.sure >= threshold
    return threshold, float(shown.mean()), float((shown & ~held.right).mean())


def choose_thresholds(
    one: Held, two: Held, max_wrong: float, max_unknown: float = 1.0
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """The same for the best entry alone and, where that is not shown, for the best two together.

    Wrong is a shown text without the gold entry; both kinds count against one `max_wrong` and one `max_unknown`. The
    shares and rates returned are each kind's own, of all questions.
    """
    wrong, unknown = _allowed(max_wrong, one.right), _allowed(max_unknown, one.lost)
    single = _lowest(one, ALONE * wrong, ALONE * unknown)
    shown, lost = one.sure >= single, one.lost >= single
    rest = Held(two.sure[~shown], two.right[~shown], two.lost[~lost])
    pair = _lowest(rest, wrong - (shown & ~one.right).sum(), unknown - lost.sum())
    both = ~shown & (two.sure >= pair)
    return (
        (single, float(shown.mean()), float((shown & ~one.right).mean())),
        (pair, float(both.mean()), float((both & ~two.right).mean())),
    )


def _allowed(share: float, questions: NDArray[Any]) -> float:
    """How many of the questions may go wrong so that at most `share` of all such questions do."""
    return share * len(questions) - (1 - share)


def _lowest(held: Held, wrong: float, unknown: float) -> float:
    """Lowest threshold that shows at most so many wrong answers, and so many to questions without their entry."""
    most = max(0, int(unknown))
    just_above = float(np.nextafter(np.sort(held.lost)[::-1][most], np.inf)) if most < len(held.lost) else 0.0
    return max(just_above, _falls(held.sure, ~held.right, wrong))


def _falls(sure: Floats, bad: NDArray[np.bool_], allowed: float) -> float:
    """Lowest threshold from which on at most `allowed` are bad; infinite if there is none."""
    order = np.argsort(-sure, kind="stable")
    # equally sure questions are shown or withheld together, so a threshold lies only where the next is less sure
    last = np.append(np.diff(sure[order]) < 0, True)[: len(sure)]
    good = np.flatnonzero(last & (np.cumsum(bad[order]) <= allowed))
    if not len(good):
        return np.inf
    at = int(good[-1])
    below = min(at + 1, len(sure) - 1)  # of what is less sure than all questions nothing is known
    return float((sure[order[at]] + sure[order[below]]) / 2)


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
