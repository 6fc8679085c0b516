"""TF-IDF of words and character pieces, in plain arrays. Knows nothing about labels or models.

Words find the exact term ("refund"), character pieces find it misspelt ("refnud").
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from deskloop.errors import BadInput
from deskloop.text.tokens import words

# A piece seen once in a large corpus cannot generalise; in a small one it may be all there is.
LARGE_CORPUS = 2000
MOST_PIECES = 60_000  # of each kind: the most frequent
REMEMBERED = 20_000  # words whose pieces are not cut again: a text is seven words that came before and one new


def word_pieces(text: str) -> list[str]:
    """Words and pairs of neighbouring words."""
    found = words(text)
    return found + [f"{a} {b}" for a, b in pairwise(found)]


def character_pieces(text: str) -> list[str]:
    """Runs of 2 to 5 characters inside each word, with a blank at its ends."""
    return [piece for word in words(text) for piece in _runs(word)]


@lru_cache(maxsize=REMEMBERED)
def _runs(word: str) -> tuple[str, ...]:
    padded = f" {word} "
    return tuple(padded[i : i + size] for size in range(2, 6) for i in range(max(1, len(padded) - size + 1)))


ANALYSERS: dict[str, Callable[[str], list[str]]] = {"words": word_pieces, "characters": character_pieces}


@dataclass(frozen=True)
class _Part:
    """One kind of piece: its vocabulary and inverse document frequencies (v,) float32."""

    kind: str
    vocabulary: dict[str, int]
    idf: NDArray[np.float32]

    @classmethod
    def fit(cls, kind: str, texts: Sequence[str]) -> _Part:
        seen = Counter(piece for text in texts for piece in set(ANALYSERS[kind](text)))
        least = 2 if len(texts) >= LARGE_CORPUS else 1
        common = sorted((-count, piece) for piece, count in seen.items() if count >= least)[:MOST_PIECES]
        kept = sorted(piece for _, piece in common)
        frequency = np.array([seen[piece] for piece in kept], dtype=np.float32)
        idf = np.log((1 + len(texts)) / (1 + frequency)) + 1
        return cls(kind, {piece: i for i, piece in enumerate(kept)}, idf.astype(np.float32))

    def transform(self, texts: Iterable[str]) -> csr_matrix:
        analyse, vocabulary = ANALYSERS[self.kind], self.vocabulary
        indices: list[int] = []
        counts: list[int] = []
        starts = [0]
        for text in texts:
            found = Counter(vocabulary[piece] for piece in analyse(text) if piece in vocabulary)
            indices += found.keys()
            counts += found.values()
            starts.append(len(indices))
        where = np.array(indices, dtype=np.int32)
        values = (1 + np.log(np.maximum(np.array(counts, dtype=np.float32), 1))) * self.idf[where]
        rows = csr_matrix((values, where, starts), shape=(len(starts) - 1, len(vocabulary)), dtype=np.float32)
        return _unit_rows(rows)


@dataclass(frozen=True)
class Tfidf:
    """TF-IDF with sublinear counts over word 1-2-grams and in-word character 2-5-grams.

    Each part's rows have unit length, so both weigh the same (a row's norm is at most sqrt 2).
    """

    parts: tuple[_Part, ...]

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Tfidf:
        """Learn vocabulary and frequencies. Raises BadInput if there is no text."""
        if not len(texts):
            raise BadInput("TF-IDF needs at least one text, got none; check the sources")
        return cls(tuple(_Part.fit(kind, texts) for kind in ANALYSERS))

    @property
    def size(self) -> int:
        """Number of columns."""
        return sum(len(part.idf) for part in self.parts)

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        """Returns float32 (n, size)."""
        return csr_matrix(hstack([part.transform(texts) for part in self.parts], format="csr"))

    def save(self, folder: Path) -> None:
        """Write the vocabulary as JSON and the frequencies as npy."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in self.parts:
            pieces = json.dumps(list(part.vocabulary), ensure_ascii=False)
            (folder / f"{part.kind}.json").write_text(pieces, "utf-8")
            np.save(folder / f"{part.kind}.npy", part.idf)

    @classmethod
    def load(cls, folder: Path) -> Tfidf:
        """Read what `save` wrote."""
        return cls(tuple(_load(folder, kind) for kind in ANALYSERS))


def _load(folder: Path, kind: str) -> _Part:
    pieces = json.loads((folder / f"{kind}.json").read_bytes())
    idf = np.load(folder / f"{kind}.npy", allow_pickle=False)
    return _Part(kind, {piece: i for i, piece in enumerate(pieces)}, idf)


def _unit_rows(rows: csr_matrix) -> csr_matrix:
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    rows.data /= np.repeat(np.maximum(norms, 1e-12), np.diff(rows.indptr)).astype(np.float32)
    return rows
