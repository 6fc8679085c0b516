"""Near-duplicate texts: pairs found by MinHash and LSH, each compared exactly before it counts. Knows no records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from deskloop.minhash import Shingles, band_keys, shape, shared, shingle


def near_duplicates(texts: Sequence[str], threshold: float) -> Any:
    """For each text the index of the text it repeats, its own if none. Returns int64 (n,).

    Texts are taken in order, so put the one to keep first: a text joins the earliest kept text that is at
    least `threshold` similar (Jaccard) and only kept texts are compared, so likeness does not chain.
    """
    shingles = shingle(texts)
    return first_of_each(shingles, band_keys(shingles, *shape(threshold)), threshold)


def first_of_each(shingles: Shingles, keys: Any, threshold: float) -> Any:
    """The same of shingled rows and their bucket keys, uint64 (n, bands). Returns int64 (n,)."""
    kept: defaultdict[int, list[int]] = defaultdict(list)
    sets: dict[int, frozenset[int]] = {}
    out = np.arange(len(shingles), dtype=np.int64)
    for at, buckets in _in_company(keys):
        mine = shingles.row(at)
        found = _earliest(mine, {other for bucket in buckets for other in kept.get(bucket, ())}, sets, threshold)
        if found is not None:
            out[at] = found
            continue
        sets[at] = mine
        for bucket in buckets:
            kept[bucket].append(at)
    return out


def _in_company(keys: Any) -> Iterator[tuple[int, list[int]]]:
    """Rows that share a bucket with another row, in order, with their keys."""
    rows = np.flatnonzero(shared(keys))
    for at in rows:
        yield int(at), keys[at].tolist()


def _earliest(
    mine: frozenset[int], candidates: set[int], sets: dict[int, frozenset[int]], threshold: float
) -> int | None:
    for other in sorted(candidates):
        theirs = sets[other]
        small, large = sorted((len(mine), len(theirs)))
        if small < threshold * large - 1e-9:
            continue
        common = len(mine & theirs)
        if common >= threshold * (len(mine) + len(theirs) - common) - 1e-9:
            return other
    return None
