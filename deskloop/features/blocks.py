"""Texts as feature blocks, each switchable, in the scales that one linear model weighs fairly.

Knows nothing about labels; the sentence encoder is handed in, the rest travels with the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from deskloop.features.sentence import Encoder
from deskloop.features.tfidf import Tfidf
from deskloop.features.word2vec import WordVectors

# Lengths of the blocks' rows. TF-IDF rows have length sqrt 2.
SENTENCE_SCALE = 2.0
WORD_SCALE = 0.5
PREVIOUS_SCALE = 0.5


@dataclass(frozen=True)
class Blocks:
    """Features of n texts: `sparse` (n, p), `dense` (n, d), and unit `anchors` (n, e) to compare texts by."""

    sparse: csr_matrix
    dense: NDArray[np.float32]
    anchors: NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.dense.shape[0])

    def rows(self, which: NDArray[np.intp]) -> Blocks:
        """The features of some of the texts."""
        return Blocks(self.sparse[which], self.dense[which], self.anchors[which])


@dataclass(frozen=True)
class Featurizer:
    """TF-IDF, word vectors and sentence vectors side by side; None switches one off."""

    tfidf: Tfidf | None = None
    word2vec: WordVectors | None = None
    encoder: Encoder | None = None

    def __post_init__(self) -> None:
        if self.tfidf is None and self.word2vec is None and self.encoder is None:
            raise ValueError("a Featurizer needs at least one of tfidf, word2vec, encoder; got none")

    def transform(
        self,
        texts: Sequence[str],
        previous: Sequence[str] | None = None,
        vectors: NDArray[np.float32] | None = None,
    ) -> Blocks:
        """Features of `texts`, and of the turn before each if `previous` is given ("" for none).

        `vectors` (n, e): sentence vectors of `texts`, if somebody has them already.
        """
        sparse = [self.tfidf.transform(texts)] if self.tfidf else []
        words = self.word2vec.embed(texts) if self.word2vec else None
        if self.encoder is not None:
            vectors = self.encoder.encode(texts) if vectors is None else vectors
            dense, anchors = [SENTENCE_SCALE * vectors], vectors
        else:
            dense, anchors = [], words if words is not None else np.zeros((len(texts), 0), np.float32)
        if words is not None:
            dense.append(WORD_SCALE * words)
        if previous is not None:
            before = self.transform(previous)
            seen = np.array([bool(text.strip()) for text in previous], np.float32)[:, None] * PREVIOUS_SCALE
            sparse += [before.sparse.multiply(seen).tocsr()] if self.tfidf else []
            dense.append(seen * before.dense)
        return Blocks(_beside(sparse, len(texts)), _columns(dense, len(texts)), anchors)

    def save(self, folder: Path) -> None:
        """Write what belongs to the model; the encoder is kept once for all."""
        if self.tfidf:
            self.tfidf.save(folder / "tfidf")
        if self.word2vec:
            self.word2vec.save(folder / "word2vec")

    @classmethod
    def load(cls, folder: Path, encoder: Encoder | None) -> Featurizer:
        """Read what `save` wrote, with the encoder to use (None if the model was trained without)."""
        tfidf, words = folder / "tfidf", folder / "word2vec"
        return cls(
            Tfidf.load(tfidf) if tfidf.is_dir() else None,
            WordVectors.load(words) if words.is_dir() else None,
            encoder,
        )


def _beside(parts: list[csr_matrix], rows: int) -> csr_matrix:
    if not parts:
        return csr_matrix((rows, 0), dtype=np.float32)
    return csr_matrix(hstack(parts, format="csr")) if len(parts) > 1 else parts[0]


def _columns(parts: list[NDArray[np.float32]], rows: int) -> NDArray[np.float32]:
    return np.hstack(parts).astype(np.float32, copy=False) if parts else np.zeros((rows, 0), np.float32)
