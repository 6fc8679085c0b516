"""Multinomial logistic regression over sparse and dense blocks, trained in seconds on two cores.

The sparse block is trained in its leading singular directions and the weights are folded back, so that
serving is one sparse product. Knows nothing about texts or label names.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from deskloop.features.blocks import Blocks

RANK = 500  # measured: 800 or the full block add nothing beyond noise, and take 2 to 5 times as long
STRENGTHS = (1.0, 3.0, 10.0)  # inverse of the L2 penalty, as scikit-learn's C; noisy labels want less

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Softmax:
    """Weights over blocks: `sparse` (p, k), `dense` (d, k), `bias` (k,)."""

    sparse: Matrix
    dense: Matrix
    bias: Matrix

    def logits(self, blocks: Blocks) -> Matrix:
        """Returns float32 (n, k)."""
        return np.asarray(blocks.sparse @ self.sparse + blocks.dense @ self.dense + self.bias, np.float32)


@dataclass(frozen=True)
class Trainer:
    """Fits Softmax models on subsets of the same rows; the singular directions are found once."""

    blocks: Blocks
    codes: NDArray[np.intp]
    classes: int
    basis: Matrix
    inputs: Matrix

    @classmethod
    def of(cls, blocks: Blocks, codes: NDArray[np.intp], classes: int, seed: int) -> Trainer:
        """Prepare `blocks` (n rows) with class numbers `codes` (n,) below `classes`."""
        basis = leading_directions(blocks.sparse, RANK, seed)
        inputs = np.hstack([np.asarray(blocks.sparse @ basis, np.float32), blocks.dense])
        return cls(blocks, codes, classes, basis, inputs)

    def fit(
        self, strength: float, rows: NDArray[np.intp] | None = None, start: Matrix | None = None
    ) -> tuple[Softmax, Matrix]:
        """Fit on `rows` (all if None). Returns the model and raw weights to `start` a next fit from."""
        chosen = slice(None) if rows is None else rows
        raw = _minimise(self.inputs[chosen], self.codes[chosen], self.classes, strength, start)
        rank = self.basis.shape[1]
        return Softmax(self.basis @ raw[:rank], raw[rank:-1], raw[-1]), raw


def leading_directions(rows: csr_matrix, rank: int, seed: int) -> Matrix:
    """Orthonormal (p, r), r <= rank, that spans the rows as well as r directions can.

    Randomised range finder with a power iteration (Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1);
    the last step takes eigenvectors of the small Gram matrix, several times cheaper than its SVD. With rank >=
    n it spans all rows.

    On one thread: the factorisations have little to share out, and where others want the same cores their threads
    wait for each other (measured with two: 1.6 to 3.2 s became 4.5 to 27).
    """
    from threadpoolctl import threadpool_limits

    wanted = min(rank, *rows.shape)
    if not wanted:
        return np.zeros((rows.shape[1], 0), np.float32)
    sketch = np.random.default_rng(seed).standard_normal((rows.shape[1], min(wanted + 20, *rows.shape)))
    with threadpool_limits(1, user_api="blas"):
        span = np.linalg.qr(rows @ sketch.astype(np.float32))[0]
        span = np.linalg.qr(rows @ (rows.T @ span))[0]
        small = rows.T @ span
        values, mixes = np.linalg.eigh((small.T @ small).astype(np.float64))
    chosen = np.flatnonzero(values > 1e-6 * values.max())[::-1][:wanted]
    return np.ascontiguousarray(small @ (mixes[:, chosen] / np.sqrt(values[chosen])), dtype=np.float32)


def _minimise(x: Matrix, codes: NDArray[np.intp], classes: int, strength: float, start: Matrix | None) -> Matrix:
    """Weights (d + 1, k), the bias last and not penalised, by L-BFGS."""
    from scipy.optimize import minimize

    penalty = 1 / (strength * len(x))
    rows = np.arange(len(x))

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(-1, classes).astype(np.float32)
        shares = softmax(x @ weights[:-1] + weights[-1])
        loss = -np.log(np.maximum(shares[rows, codes], 1e-30)).mean(dtype=np.float64)
        shares[rows, codes] -= 1
        shares /= len(x)
        slope = np.vstack([x.T @ shares + penalty * weights[:-1], shares.sum(axis=0)])
        return float(loss + penalty / 2 * (weights[:-1] ** 2).sum()), slope.ravel().astype(np.float64)

    first = np.zeros((x.shape[1] + 1, classes)) if start is None else start
    found = minimize(objective, first.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 150})
    return np.asarray(found.x.reshape(-1, classes), dtype=np.float32)


def softmax(logits: Matrix) -> Matrix:
    """Rows (n, k) turned into shares that sum to 1."""
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def log_sum(logits: Matrix) -> NDArray[np.float32]:
    """log of the sum of exponentials of each row: (n, k) to (n,)."""
    top = logits.max(axis=1)
    return np.asarray(top + np.log(np.exp(logits - top[:, None]).sum(axis=1)))
