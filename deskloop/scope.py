"""Is a message about anything the model knows? A score that is calibrated on in-scope messages alone.

It joins the energy of the logits (Liu et al. 2020) with the similarity to the nearest training messages (Sun
et al. 2022, cosine instead of distance), and with the log-odds against a class of its own where messages
out of scope were labelled. Knows nothing about texts or label names.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deskloop.softmax import log_sum

NEIGHBOURS = 5
WEIGHTS = np.array([1.0, 0.75, 0.5])  # energy, neighbours, log-odds; each over its spread in scope
MOST_ANCHORS = 20_000
POINTS = 201

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Scope:
    """`centre` and `spread` (3,) of the signals in scope, and `points` of the joined score there, ascending."""

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    points: NDArray[np.float64]

    @classmethod
    def fit(cls, signals: NDArray[np.float64]) -> Scope:
        """Calibrate on the `signals` (n, 3) of in-scope messages that the model did not learn from."""
        centre, spread = signals.mean(axis=0), signals.std(axis=0)
        spread = np.where(spread > 1e-9, spread, np.inf)
        joined = ((signals - centre) / spread) @ WEIGHTS
        return cls(centre, spread, np.quantile(joined, np.linspace(0, 1, POINTS)))

    def of(self, signals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of in-scope messages that look stranger than each of `signals` (n, 3): a conformal p-value.

        Handing over below 0.05 costs 5 % of the in-scope messages. Below the strangest one seen it falls
        off exponentially, so that the order of strange messages is kept.
        """
        joined = ((signals - self.centre) / self.spread) @ WEIGHTS
        low, least = self.points[0], 0.5 / POINTS
        inside = np.interp(joined, self.points, np.linspace(least, 1, POINTS))
        return np.where(joined < low, least * np.exp(np.minimum(joined - low, 0)), inside)


def signals(logits: Matrix, outside: int | None, likeness: Matrix) -> NDArray[np.float64]:
    """The three signals (n, 3). `outside`: column of the out-of-scope class, if there is one."""
    known = logits if outside is None else np.delete(logits, outside, axis=1)
    energy = log_sum(known)
    odds = np.zeros(len(energy)) if outside is None else energy - logits[:, outside]
    return np.column_stack([energy, likeness, odds]).astype(np.float64)


def likeness(vectors: Matrix, anchors: Matrix) -> Matrix:
    """Mean cosine of each of `vectors` (n, e) to its 5 nearest `anchors` (m, e); zeros without anchors."""
    if not anchors.size:
        return np.zeros(len(vectors), np.float32)
    count = min(NEIGHBOURS, len(anchors))
    nearest = [
        np.partition(vectors[i : i + 512] @ anchors.T, -count, axis=1)[:, -count:].mean(axis=1)
        for i in range(0, len(vectors), 512)
    ]
    return np.concatenate(nearest) if nearest else np.zeros(0, np.float32)
