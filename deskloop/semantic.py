"""Questions that say the same in other words: sentence vectors, compared only within buckets of random projections.

Sign projections after Charikar, "Similarity estimation techniques from rounding algorithms" (2002). Two vectors at
cosine 0.95 share at least one of the buckets with probability 0.996. Nothing merges whose facts differ: amounts,
numbers, dates, names, negation. Knows no records.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from deskloop import facts
from deskloop.minhash import shared

_BANDS, _BITS = 28, 16
_SEED = 20_240_301


class Vectors(Protocol):
    """Unit rows that need not lie in memory."""

    def take(self, rows: Any) -> Any:
        """Rows as float32 (len(rows), d)."""


def must_agree(text: str, label: str | None) -> int:
    """A signed 64-bit digest of what two texts need in common: their facts, names, negation and label."""
    negated = facts.negated(text)
    told = "\x00".join([*sorted(facts.facts(text)), "|", *sorted(facts.names(text)), str(negated), label or ""])
    return int.from_bytes(
        hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True
    )


def bucket_keys(vectors: Any) -> Any:
    """Keys of unit rows, float (n, d). Returns uint64 (n, bands)."""
    rng = np.random.default_rng(_SEED)
    planes = rng.standard_normal((vectors.shape[1], _BANDS * _BITS)).astype(np.float32)
    signs = (np.asarray(vectors, np.float32) @ planes > 0).reshape(len(vectors), _BANDS, _BITS)
    weights = np.uint64(1) << np.arange(_BITS, dtype=np.uint64)
    band = np.arange(1, _BANDS + 1, dtype=np.uint64) << np.uint64(_BITS)
    return (signs * weights).sum(axis=2, dtype=np.uint64) | band


def first_of_each(vectors: Vectors, keys: Any, agree: Sequence[int], threshold: float) -> Any:
    """For each row the earliest kept row at least `threshold` (cosine) near whose `agree` is the same; else its own.

    `keys` are of the rows in their order. Only kept rows are compared, so likeness does not chain.
    Returns int64 (n,).
    """
    kept: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    out = np.arange(len(keys), dtype=np.int64)
    for row in np.flatnonzero(shared(keys)).tolist():
        buckets = [(int(key), agree[row]) for key in keys[row]]
        near = sorted({other for bucket in buckets for other in kept.get(bucket, ())})
        if near:
            cosines = vectors.take(np.array(near)) @ vectors.take(np.array([row]))[0]
            same = np.flatnonzero(cosines >= threshold)
            if len(same):
                out[row] = near[int(same[0])]
                continue
        for bucket in buckets:
            kept[bucket].append(row)
    return out
