"""How strongly to fit, and how far to trust the result: from rows that a model did not learn from.

Works on class numbers and feature blocks; knows nothing about texts or label names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deskloop.features.blocks import Blocks
from deskloop.scope import likeness
from deskloop.softmax import STRENGTHS, Matrix, Softmax, Trainer, log_sum

SMALL = 2000  # rows up to which every row is held out once, in five folds, instead of one tenth

Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Holdout:
    """Rows to judge by, and the training rows for it (None: all); a code of -1 is an unknown label.

    `part` tells which training rows the judging ones are, if they are.
    """

    blocks: Blocks
    codes: Codes
    rest: Codes | None = None
    part: Codes | None = None


@dataclass(frozen=True)
class Unseen:
    """What models said about rows they had not learnt from: `codes` (n,), `logits` (n, k), `near` (n,)."""

    codes: Codes
    logits: Matrix
    near: Matrix

    def first(self, rows: int) -> Unseen:
        """The first rows alone."""
        return Unseen(self.codes[:rows], self.logits[:rows], self.near[:rows])


def folds(blocks: Blocks, codes: Codes, seed: int) -> list[Holdout]:
    """Held-out rows spread over the classes: five fifths of a small set, one tenth of a large one."""
    order = np.random.default_rng(seed).permutation(len(codes))
    by_class = order[np.argsort(codes[order], kind="stable")]
    count = min(5, len(codes))
    parts = [by_class[i::count] for i in range(count)] if len(codes) <= SMALL else [by_class[seed % 10 :: 10]]
    everything = np.arange(len(codes))
    return [Holdout(blocks.rows(part), codes[part], np.setdiff1d(everything, part), part) for part in parts]


def fit(
    trainer: Trainer, holdouts: Sequence[Holdout], strengths: Sequence[float] = STRENGTHS
) -> tuple[Softmax, Unseen, float]:
    """The model of all rows at the strength that serves the first holdout best; the holdouts' results; it."""
    first, *others = holdouts
    tried = []
    raw: Matrix | None = None
    for strength in strengths:
        model, raw = trainer.fit(strength, first.rest, raw)
        logits = model.logits(first.blocks)
        known = first.codes >= 0
        _, loss = temperature(logits[known], first.codes[known])
        tried.append((loss, strength, model, raw))
    _, strength, model, raw = min(tried, key=lambda one: one[0])
    results = [_judge(model, first, trainer)]
    for holdout in others:
        model, raw = trainer.fit(strength, holdout.rest, raw)
        results.append(_judge(model, holdout, trainer))
    if holdouts[-1].rest is not None:
        model, _ = trainer.fit(strength, None, raw)
    columns = zip(*((r.codes, r.logits, r.near) for r in results), strict=True)
    return model, Unseen(*(np.concatenate(column) for column in columns)), strength


def temperature(logits: Matrix, codes: Codes, offset: Matrix | float = 0.0) -> tuple[float, float]:
    """The temperature of least mean log loss (Guo et al. 2017), `offset` (k,) added after it, and that loss."""
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(codes))

    def loss(log_t: float) -> float:
        scaled = np.asarray(logits / np.float32(np.exp(log_t)) + offset, np.float32)
        return float((log_sum(scaled) - scaled[rows, codes]).mean())

    found = minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded")
    return float(np.exp(found.x)), float(found.fun)


def mixture(linear: Matrix, tuned: Matrix, codes: Codes, offset: Matrix | float = 0.0) -> tuple[float, float]:
    """The two weights of logits (n, k) whose sum with `offset` (k,) has the least mean log loss.

    That is stacking, and temperature.
    """
    from scipy.optimize import minimize

    rows = np.arange(len(codes))

    def loss(logs: NDArray[np.float64]) -> float:
        a, b = np.exp(np.clip(logs, -4, 4)).astype(np.float32)
        joined = np.asarray(a * linear + b * tuned + offset, np.float32)
        return float((log_sum(joined) - joined[rows, codes]).mean())

    found = minimize(loss, [0.0, -0.5], method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6})
    a, b = np.exp(np.clip(found.x, -4, 4))
    return float(a), float(b)


def _judge(model: Softmax, holdout: Holdout, trainer: Trainer) -> Unseen:
    anchors = trainer.blocks.anchors if holdout.rest is None else trainer.blocks.anchors[holdout.rest]
    near = likeness(holdout.blocks.anchors, anchors)
    return Unseen(holdout.codes, model.logits(holdout.blocks), near)
