"""How much each search signal counts: sensible defaults, or learnt from questions whose entry is known.

Works on arrays of signals in [0, 1]; knows nothing about entries or texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# BM25, TF-IDF, cosine to question and answer together, nearest wording, mean wording, learnt from wordings
SIGNALS = ("words", "pieces", "whole", "asked", "typical", "learnt")
PLAIN = np.array([0.10, 0.30, 0.40, 0.20, 0.0, 0.0], np.float32)
WITH_EXAMPLES = np.array([0.10, 0.10, 0.10, 0.10, 0.10, 0.50], np.float32)
CANDIDATES = 50
LEAST_QUESTIONS = 30
PULL = 0.0005  # towards the defaults: with few questions they win, with hundreds the data does

Signals = NDArray[np.float32]


Candidates = tuple[NDArray[np.float64], NDArray[np.intp]]


def candidates(signals: Signals, gold: NDArray[np.intp], default: Signals) -> Candidates:
    """The 50 entries that the default ranks best: their signals (q', 50, s) and the place of `gold` (q',).

    From `signals` (q, n, s); questions whose gold entry is not among the 50 are left out.
    """
    ranked = np.argsort(-(signals @ default), axis=1, kind="stable")[:, :CANDIDATES]
    hit = ranked == gold[:, None]
    usable = hit.any(axis=1)
    kept = np.take_along_axis(signals, ranked[..., None], axis=1)[usable]
    return kept.astype(np.float64), hit[usable].argmax(axis=1)


def learn(parts: Sequence[Candidates], default: Signals) -> Signals:
    """Weights (s,) that rank the gold entry first among its candidates.

    Listwise softmax loss (Cao et al. 2007, top one); weights stay non-negative and sum to 1. Fewer than 30
    questions keep the default.
    """
    kept, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _fit(kept, right, default) if len(right) >= LEAST_QUESTIONS else default


def _fit(kept: NDArray[np.float64], right: NDArray[np.intp], default: Signals) -> Signals:
    from scipy.optimize import minimize

    rows = np.arange(len(right))

    def objective(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        shares = np.exp((scores := kept @ weights) - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        loss = -np.log(np.maximum(shares[rows, right], 1e-30)).mean()
        shares[rows, right] -= 1
        slope = np.einsum("qn,qns->s", shares, kept) / len(rows)
        away = weights - weights.sum() * default
        pull = PULL * 2 * (away - (away @ default))
        return float(loss + PULL * (away @ away)), slope + pull

    # a signal that the default leaves out says nothing here, and costs time
    bounds = [(0, 200) if weight else (0, 0) for weight in default]
    found = minimize(objective, 20.0 * default, jac=True, method="L-BFGS-B", bounds=bounds)
    weights = np.asarray(found.x, dtype=np.float32)
    return weights / weights.sum() if weights.sum() > 0 else default
