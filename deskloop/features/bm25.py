"""Okapi BM25 with its term weights computed beforehand, so that a query is one sparse product.

Knows nothing about entries or vectors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from deskloop.text.tokens import words

K1 = 1.2
B = 0.75


@dataclass(frozen=True)
class BM25:
    """`weights` (v, n): what a query term adds to a document's score; `idf` (v,) float32.

    Robertson and Zaragoza 2009, eq. 3.15, with the idf that stays positive (Lucene's).
    """

    vocabulary: dict[str, int]
    idf: NDArray[np.float32]
    weights: csr_matrix

    @classmethod
    def fit(cls, texts: Sequence[str]) -> BM25:
        """Index n documents."""
        documents = [Counter(words(text)) for text in texts]
        vocabulary = {w: i for i, w in enumerate(sorted({w for document in documents for w in document}))}
        column = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
        row = np.array([vocabulary[w] for document in documents for w in document], dtype=np.int64)
        count = np.array([c for document in documents for c in document.values()], dtype=np.float64)
        lengths = np.array([document.total() for document in documents], dtype=np.float64)
        seen = np.bincount(row, minlength=len(vocabulary))
        idf = np.log1p((len(documents) - seen + 0.5) / (seen + 0.5))
        norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1e-9))
        values = idf[row] * count * (K1 + 1) / (count + norm[column])
        shape = (len(vocabulary), len(documents))
        weights = csr_matrix((values, (row, column)), shape=shape, dtype=np.float32)
        return cls(vocabulary, idf.astype(np.float32), weights)

    def scores(self, query: str) -> NDArray[np.float32]:
        """BM25 of each document for `query`: float32 (n,)."""
        return self.scores_many([query])[0]

    def scores_many(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """BM25 of each document for each query: float32 (q, n)."""
        return np.asarray((self._counts(queries) @ self.weights).toarray(), dtype=np.float32)

    def shares(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """BM25 over the most the query could get (known or not, each word at its best): (q, n) in [0, 1].

        Unlike the plain score it means the same for every query. A word that no document has counts as the
        rarest, so a query of strange words matches nothing well.
        """
        rarest = float(self.idf.max(initial=1.0))
        best = [self._ceiling(query, rarest) for query in queries]
        return self.scores_many(queries) / np.array(best, np.float32)[:, None]

    def words(self, document: int) -> list[str]:
        """What stands in one document, each word once."""
        told = set(self.weights[:, [document]].nonzero()[0].tolist())
        return [word for word, row in self.vocabulary.items() if row in told]

    def save(self, folder: Path) -> None:
        """Write one safetensors file; the vocabulary is its bytes, one word a line."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            "idf": self.idf,
            "data": self.weights.data,
            "indices": self.weights.indices,
            "indptr": self.weights.indptr,
            "shape": np.array(self.weights.shape),
            "words": np.frombuffer("\n".join(self.vocabulary).encode(), dtype=np.uint8),
        }
        save_file(arrays, folder / "bm25.safetensors")

    @classmethod
    def load(cls, folder: Path) -> BM25:
        """Read what `save` wrote."""
        from safetensors.numpy import load_file

        arrays = load_file(folder / "bm25.safetensors")
        known = arrays["words"].tobytes().decode().split("\n") if arrays["words"].size else []
        shape = (int(arrays["shape"][0]), int(arrays["shape"][1]))
        weights = csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=shape)
        return cls({word: i for i, word in enumerate(known)}, arrays["idf"], weights)

    def _ceiling(self, query: str, rarest: float) -> float:
        total = sum(float(self.idf[self.vocabulary[w]]) if w in self.vocabulary else rarest for w in words(query))
        return max((K1 + 1) * total, 1e-9)

    def _counts(self, queries: Iterable[str]) -> csr_matrix:
        found = [Counter(self.vocabulary[w] for w in words(q) if w in self.vocabulary) for q in queries]
        starts = np.cumsum([0, *(len(f) for f in found)])
        indices = np.array([i for f in found for i in f], dtype=np.int32)
        counts = np.array([c for f in found for c in f.values()], dtype=np.float32)
        return csr_matrix((counts, indices, starts), shape=(len(found), len(self.vocabulary)))
