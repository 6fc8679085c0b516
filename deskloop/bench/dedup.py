"""Near-duplicates found and how fast, next to datasketch on the same rows, in one run.

The rows are made here: messages of a few hundred words of vocabulary, a tenth of them another row with one or two
words changed. Both sides shingle alike and compare every pair that shares a bucket exactly. The peer is measured
with its own 128 permutations and with as many as ours; the ratio is to the faster of the two.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from deskloop import dedup, minhash
from deskloop.errors import BadInput
from deskloop.text.tokens import words

_REPEATS = 3
_THRESHOLD = 0.8
_ALIKE = 0.1

Finder = Callable[[Sequence[str]], Sequence[int]]


def run(rows: int = 20_000, seed: int = 11) -> dict[str, Any]:
    """Rows per second (medians of three) and recall over the rows that do repeat an earlier one."""
    try:
        import datasketch
    except ImportError:
        raise BadInput("bench dedup needs its peer; `pip install datasketch`") from None
    texts, repeats = made(rows, seed)
    bands, width = minhash.shape(_THRESHOLD)
    finders: dict[str, Finder] = {
        "deskloop": lambda t: dedup.near_duplicates(t, _THRESHOLD),
        "datasketch": lambda t: _peer(datasketch, t, 128, None),
        "datasketch_same_shape": lambda t: _peer(datasketch, t, bands * width, (bands, width)),
    }
    out = {name: _measured(find, texts, repeats) for name, find in finders.items()}
    fastest = max(out[n]["rows_per_second"] for n in out if n != "deskloop")
    return {
        "rows": rows,
        "repeating": len(repeats),
        "threshold": _THRESHOLD,
        **out,
        "times_the_peer": round(out["deskloop"]["rows_per_second"] / fastest, 2),
    }


def made(rows: int, seed: int) -> tuple[list[str], list[int]]:
    """Texts, and which of them are at least as similar as the threshold to an earlier one they were made from."""
    chance = random.Random(seed)  # noqa: S311
    vocabulary = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(3000)]
    weights = [1 / (i + 3) for i in range(len(vocabulary))]
    texts: list[str] = []
    repeats: list[int] = []
    for at in range(rows):
        if texts and chance.random() < _ALIKE:
            origin = chance.choice(texts)
            text = _changed(origin, vocabulary, chance)
            if _likeness(origin, text) >= _THRESHOLD:
                repeats.append(at)
        else:
            text = " ".join(chance.choices(vocabulary, weights, k=chance.randint(8, 60)))
        texts.append(text)
    return texts, repeats


def _changed(text: str, vocabulary: list[str], chance: random.Random) -> str:
    tokens = text.split()
    for _ in range(chance.randint(0, 2)):
        tokens[chance.randrange(len(tokens))] = chance.choice(vocabulary)
    return " ".join(tokens)


def _measured(find: Finder, texts: list[str], repeats: list[int]) -> dict[str, float]:
    seconds = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        found = find(texts)
        seconds.append(time.perf_counter() - start)
    hit = sum(found[at] != at for at in repeats)
    return {
        "rows_per_second": round(len(texts) / median(seconds)),
        "recall": round(hit / len(repeats), 4),
        "found": sum(int(first) != at for at, first in enumerate(found)),
    }


def _peer(datasketch: Any, texts: Sequence[str], permutations: int, params: tuple[int, int] | None) -> list[int]:
    """Datasketch as its documentation says: signatures in bulk, then query and insert row by row."""
    sets = [_shingles(t) for t in texts]
    signatures = datasketch.MinHash.bulk([[s.encode() for s in row] for row in sets], num_perm=permutations)
    index = datasketch.MinHashLSH(threshold=_THRESHOLD, num_perm=permutations, params=params)
    out = []
    for at, signature in enumerate(signatures):
        alike = sorted(c for c in index.query(signature) if _jaccard(sets[at], sets[c]) >= _THRESHOLD)
        out.append(alike[0] if alike else at)
        if not alike:
            index.insert(at, signature, check_duplication=False)
    return out


def _shingles(text: str) -> frozenset[str]:
    tokens = ["0" if w.isdigit() else w for w in words(text)]
    return frozenset(tokens) | {f"{a} {b}" for a, b in pairwise(tokens)}


def _likeness(one: str, other: str) -> float:
    return _jaccard(_shingles(one), _shingles(other))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / (len(one | other) or 1)
