"""Near-duplicate texts, found exactly: every pair at or above the Jaccard threshold, and no other.

Prefix filtering over word shingles ordered by rarity, after Bayardo, Ma and Srikant, "Scaling Up All Pairs
Similarity Search" (WWW 2007), with the length filter of Xiao et al., "PPJoin" (WWW 2008). Knows no records.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np

from deskloop.text.tokens import words


def shingles(text: str) -> frozenset[str]:
    """Words and pairs of neighbouring words, numbers taken as one and the same."""
    tokens = ["0" if w.isdigit() else w for w in words(text)]
    return frozenset(tokens) | {f"{a} {b}" for a, b in pairwise(tokens)}


def near_duplicates(texts: Sequence[str], threshold: float) -> Any:
    """For each text the index of the text it repeats, its own if none. Returns int64 (n,).

    Texts are taken in order, so put the one to keep first: a text joins the earliest kept text that is at
    least `threshold` similar (Jaccard) and only kept texts are compared, so likeness does not chain.
    """
    sets = [shingles(t) for t in texts]
    ranked = _by_rarity(sets)
    kept: defaultdict[int, list[int]] = defaultdict(list)
    empty: int | None = None
    out = np.arange(len(texts), dtype=np.int64)
    for at, tokens in enumerate(ranked):
        if not tokens:
            empty = at if empty is None else empty
            out[at] = empty
            continue
        prefix = tokens[: len(tokens) - ceil(threshold * len(tokens) - 1e-9) + 1]
        found = _earliest(at, sets, {c for token in prefix for c in kept[token]}, threshold)
        if found is not None:
            out[at] = found
            continue
        for token in prefix:
            kept[token].append(at)
    return out


def _earliest(at: int, sets: list[frozenset[str]], candidates: set[int], threshold: float) -> int | None:
    mine = sets[at]
    for other in sorted(candidates):
        theirs = sets[other]
        small, large = sorted((len(mine), len(theirs)))
        if small < threshold * large - 1e-9:
            continue
        shared = len(mine & theirs)
        if shared >= threshold * (len(mine) + len(theirs) - shared) - 1e-9:
            return other
    return None


def _by_rarity(sets: list[frozenset[str]]) -> list[list[int]]:
    """Each set as token numbers, the rarest first, which keeps the lists of the index short."""
    counts = Counter(token for tokens in sets for token in tokens)
    number = {token: i for i, (token, _) in enumerate(sorted(counts.items(), key=lambda item: (item[1], item[0])))}
    return [sorted(number[token] for token in tokens) for tokens in sets]
