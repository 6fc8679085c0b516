"""MinHash signatures of many texts at once, and the pairs that LSH makes of them.

Broder, "On the resemblance and containment of documents" (1997); bands after Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", chapter 3. Changed: multiply-shift hashing (Dietzfelbinger et al. 1997) on whole
chunks of rows in numpy, and fewer permutations than usual, since who uses it compares the pairs exactly.
Knows no records.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil, log
from typing import Any

import numpy as np

from deskloop.text.tokens import words

MISSED = 0.002  # share of pairs right at the threshold that may share no bucket
_MOST = 128  # permutations at most
_CHUNK = 4096  # shingles hashed at once, so that the block stays within a core's cache
_SEED = 20_240_229


@dataclass(frozen=True)
class Shingles:
    """Sets of shingles, one a row: row i is `values[offsets[i]:offsets[i + 1]]`, ascending uint32."""

    values: Any
    offsets: Any

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, at: int) -> frozenset[int]:
        """The shingles of one row."""
        return frozenset(self.values[self.offsets[at] : self.offsets[at + 1]].tolist())


def shingle(texts: Iterable[str]) -> Shingles:
    """Words and pairs of neighbouring words of each text, hashed, numbers taken as one and the same."""
    known: dict[str, int] = {}
    flat: list[int] = []
    lengths: list[int] = []
    for text in texts:
        tokens = words(text)
        lengths.append(len(tokens))
        flat.extend([known[t] if t in known else _number(t, known) for t in tokens])
    single = np.array(flat, np.uint64)
    rows = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)
    within = rows[1:] == rows[:-1]
    # a pair's hash is of 32 bits, as a word's is, and depends on the order
    pairs = (single[:-1] * np.uint64(0x9E3779B97F4A7C15) + single[1:]) * np.uint64(0xD6E8FEB86659FD93)
    pairs >>= np.uint64(32)
    every = np.concatenate([rows << np.uint64(32) | single, (rows[1:] << np.uint64(32) | pairs)[within]])
    every.sort()
    every = every[np.concatenate([[True], every[1:] != every[:-1]])] if len(every) else every
    counts = np.bincount((every >> np.uint64(32)).astype(np.int64), minlength=len(lengths))
    return Shingles(every.astype(np.uint32), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def _number(token: str, known: dict[str, int]) -> int:
    known[token] = value = zlib.crc32(b"0" if token.isdigit() else token.encode("utf-8", "replace"))
    return value


def shape(threshold: float) -> tuple[int, int]:
    """(bands, width) with the purest buckets that part at most MISSED of the pairs at `threshold`."""
    found = (1, 1)
    for width in range(1, 13):
        bands = ceil(log(MISSED) / log(1 - min(threshold, 0.999) ** width))
        if bands * width <= _MOST:
            found = max(bands, 1), width
    return found


def band_keys(shingles: Shingles, bands: int, width: int) -> Any:
    """One bucket key for each band of each row's signature. Returns uint64 (n, bands).

    Rows with Jaccard similarity s share a key with probability 1 - (1 - s ** width) ** bands. Rows without
    shingles share all keys with each other.
    """
    lengths = np.diff(shingles.offsets)
    signatures = np.full((len(lengths), bands * width), 0xFFFFFFFF, np.uint32)
    filled = np.flatnonzero(lengths)
    starts = shingles.offsets[:-1][filled]
    multiply, add = _permutations(bands * width)
    for part in _parts(lengths[filled]):
        first = starts[part.start]
        end = starts[part.stop] if part.stop < len(starts) else shingles.offsets[-1]
        mixed = shingles.values[first:end] * multiply[:, None]
        mixed ^= mixed >> np.uint32(15)
        mixed *= add[:, None]
        signatures[filled[part]] = np.minimum.reduceat(mixed, starts[part] - first, axis=1).T
    return _folded(signatures.reshape(len(lengths), bands, width))


def shared(keys: Any) -> Any:
    """Which rows share a bucket with another. `keys` is uint64 (n, bands); returns bool (n,)."""
    out = np.zeros(len(keys), bool)
    for band in range(keys.shape[1]):
        out |= repeated(keys[:, band])
    return out


def repeated(values: Any) -> Any:
    """Which values of a vector occur more than once. Returns bool (n,)."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    same = ranked[1:] == ranked[:-1]
    out = np.zeros(len(values), bool)
    out[order[1:][same]] = True
    out[order[:-1][same]] = True
    return out


def _permutations(count: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(_SEED).integers(1, 2**32, (2, count), dtype=np.uint64).astype(np.uint32)
    return draw[0] | np.uint32(1), draw[1] | np.uint32(1)


def _parts(lengths: Any) -> Iterator[slice]:
    """Slices of rows with about `_CHUNK` shingles each."""
    if not len(lengths):
        return
    marks = np.searchsorted(np.cumsum(lengths), np.arange(_CHUNK, int(lengths.sum()) + _CHUNK, _CHUNK)) + 1
    start = 0
    for stop in np.minimum(np.unique(marks), len(lengths)):
        if stop > start:
            yield slice(start, int(stop))
            start = int(stop)


def _folded(signatures: Any) -> Any:
    """Each band's row of minima as one 64-bit number; the band's number takes part. FNV-like, wraps."""
    keys = np.broadcast_to(np.arange(1, signatures.shape[1] + 1, dtype=np.uint64), signatures.shape[:2]).copy()
    for column in range(signatures.shape[2]):
        keys = (keys ^ signatures[:, :, column]) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys
