"""How well queries match entries, by each signal of `fusion.SIGNALS`. Knows nothing about their weights.

Exact matrix products over all entries, a few milliseconds at 12,000. Beyond 100,000 vectors (`near.EXACT`) those of
sentence vectors are taken only for entries that an approximate search or the words find.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from deskloop.features.blocks import SENTENCE_SCALE, Blocks, Featurizer
from deskloop.features.bm25 import BM25
from deskloop.features.near import EXACT, Near
from deskloop.features.sentence import Encoder
from deskloop.features.tfidf import Tfidf
from deskloop.softmax import Softmax, Trainer, softmax

MOST_LEARNT = 2000  # entries up to which a classifier over their wordings is trained
MANY = 1000  # entries from which on pieces that stand in more than COMMON of them are left out: they tell little
COMMON = 0.25  # and cost most of the time
LIKELY = 300  # entries that words find, and vectors that the approximate search finds, for one query
STRENGTH = 6.0  # of that classifier
SEED = 17

Matrix = NDArray[np.float32]
Entry = tuple[str, str, Sequence[str]]


@dataclass(frozen=True)
class Matcher:
    """`whole` (n, e) vectors of question and answer; `asked` (m, e) of the wordings, entry by entry.

    An entry's wordings are its question and its examples, or its answer where no entry has an example; they begin
    at `starts` (n,). `pieces` (v, n) are TF-IDF columns. `model` classifies wordings into entries; None without
    examples.
    """

    bm25: BM25
    tfidf: Tfidf
    pieces: csr_matrix
    whole: Matrix
    asked: Matrix
    starts: NDArray[np.int64]
    model: Softmax | None
    near: Near | None = None

    @classmethod
    def build(cls, entries: Sequence[Entry], encoder: Encoder, most_exact: int = EXACT) -> Matcher:
        """From (question, answer, examples) of each entry."""
        told = [f"{question} {answer}" for question, answer, _ in entries]
        everything = [" ".join([text, *examples]) for text, (_, _, examples) in zip(told, entries, strict=True)]
        taught = any(examples for _, _, examples in entries)
        wordings = [[asked, *examples] if taught else [asked, answer] for asked, answer, examples in entries]
        sizes = np.array([len(w) for w in wordings])
        flat = [wording for w in wordings for wording in w]
        asked, tfidf = encoder.encode(flat), Tfidf.fit(everything)
        model = None
        if taught and 1 < len(entries) <= MOST_LEARNT:
            owners = np.repeat(np.arange(len(entries)), sizes)
            blocks = Featurizer(tfidf, None, encoder).transform(flat, vectors=asked)
            model, _ = Trainer.of(blocks, owners, len(entries), SEED).fit(STRENGTH)
        whole = encoder.encode(told)
        return cls(
            bm25=BM25.fit(everything),
            tfidf=tfidf,
            pieces=telling(tfidf.transform(everything).T.tocsr()),
            whole=whole,
            asked=asked,
            starts=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64),
            model=model,
            near=Near.of(np.concatenate([whole, asked]), most_exact),
        )

    def signals(self, queries: Sequence[str], vectors: Matrix) -> Matrix:
        """Returns float32 (q, n, s), each in [0, 1], for queries with sentence `vectors` (q, e)."""
        return np.stack([signal() for signal in self._signals(queries, vectors)], axis=-1)

    def scores(self, queries: Sequence[str], vectors: Matrix, weights: Matrix) -> Matrix:
        """The signals' sum under `weights` (s,): float32 (q, n). A signal without weight is not computed."""
        if self.near is not None:
            return self._scores_of_likely(queries, vectors, weights, self.near)
        total = np.zeros((len(queries), len(self.whole)), np.float32)
        for weight, signal in zip(weights.tolist(), self._signals(queries, vectors), strict=True):
            if weight:
                total += np.float32(weight) * signal()
        return total

    def _scores_of_likely(self, queries: Sequence[str], vectors: Matrix, weights: Matrix, near: Near) -> Matrix:
        """`scores` where the sentence vectors' part is added only to entries likely to be among the best."""
        rows = self.tfidf.transform(queries)
        total = weights[0] * self.bm25.shares(queries)
        total += weights[1] * np.asarray((rows @ self.pieces).toarray(), np.float32) / 2
        likely = min(LIKELY, len(self.whole) - 1)
        for query, found in enumerate(near.search(vectors, LIKELY)):
            by_words = np.argpartition(-total[query], likely)[:LIKELY]
            chosen = np.unique(np.concatenate([self._owners(found), by_words]))
            total[query, chosen] += self._dense(chosen, vectors[query], weights)
        return np.asarray(total, np.float32)

    def _owners(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The entries of rows of `whole` and `asked`, which stand in `near` one after the other."""
        asked = np.searchsorted(self.starts, rows - len(self.whole), side="right") - 1
        return np.where(rows < len(self.whole), rows, asked)

    def _dense(self, entries: NDArray[np.int64], vector: Matrix, weights: Matrix) -> Matrix:
        """The weighted signals of sentence vectors for some entries (m,)."""
        sizes = self._sizes[entries].astype(np.int64)
        begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        wordings = np.repeat(self.starts[entries] - begins, sizes) + np.arange(sizes.sum())
        likeness = np.maximum(self.asked[wordings] @ vector, 0)
        signals = (
            np.maximum(self.whole[entries] @ vector, 0),
            np.maximum.reduceat(likeness, begins),
            np.add.reduceat(likeness, begins) / sizes,
        )
        return np.asarray(sum(w * s for w, s in zip(weights[2:5], signals, strict=True)), np.float32)

    def _signals(self, queries: Sequence[str], vectors: Matrix) -> list[Callable[[], Matrix]]:
        """Each signal (q, n), in the order of `fusion.SIGNALS`, computed when called."""
        rows = self.tfidf.transform(queries)
        likeness = np.maximum(vectors @ self.asked.T, 0)
        return [
            lambda: self.bm25.shares(queries),
            lambda: np.asarray((rows @ self.pieces).toarray(), np.float32) / 2,
            lambda: np.maximum(vectors @ self.whole.T, 0),
            lambda: np.maximum.reduceat(likeness, self.starts, axis=1),
            lambda: np.add.reduceat(likeness, self.starts, axis=1) / self._sizes,
            lambda: self._learnt(rows, vectors),
        ]

    @cached_property
    def _sizes(self) -> Matrix:
        return np.diff([*self.starts.tolist(), len(self.asked)]).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write arrays; the encoder is kept elsewhere."""
        from safetensors.numpy import save_file

        self.bm25.save(folder / "bm25")
        self.tfidf.save(folder / "tfidf")
        arrays: dict[str, Any] = {"whole": self.whole, "asked": self.asked, "starts": self.starts}
        arrays |= {f"pieces.{name}": getattr(self.pieces, name) for name in ("data", "indices", "indptr")}
        if self.model is not None:
            arrays |= {f"model.{name}": value for name, value in asdict(self.model).items()}
        if self.near is not None:
            self.near.save(folder)
        arrays = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
        save_file(arrays, folder / "signals.safetensors")

    @classmethod
    def load(cls, folder: Path) -> Matcher:
        """Read what `save` wrote."""
        from safetensors.numpy import load_file

        arrays = load_file(folder / "signals.safetensors")
        tfidf = Tfidf.load(folder / "tfidf")
        parts = tuple(arrays[f"pieces.{name}"] for name in ("data", "indices", "indptr"))
        pieces = csr_matrix(parts, shape=(tfidf.size, len(arrays["whole"])))
        names = [f"model.{name}" for name in ("sparse", "dense", "bias")]
        return cls(
            bm25=BM25.load(folder / "bm25"),
            tfidf=tfidf,
            pieces=pieces,
            whole=arrays["whole"],
            asked=arrays["asked"],
            starts=arrays["starts"],
            model=Softmax(*(arrays[name] for name in names)) if names[0] in arrays else None,
            near=Near.load(folder, len(arrays["whole"]) + len(arrays["asked"])),
        )

    def _learnt(self, rows: csr_matrix, vectors: Matrix) -> Matrix:
        """The classifier's log probabilities, from e^-10 to 1 put on [0, 1]."""
        if self.model is None:
            return np.zeros((len(vectors), len(self.whole)), np.float32)
        logits = self.model.logits(Blocks(rows, SENTENCE_SCALE * vectors, vectors))
        return np.asarray(1 + np.maximum(np.log(np.maximum(softmax(logits), 1e-30)), -10) / 10)


def telling(pieces: csr_matrix) -> csr_matrix:
    """TF-IDF columns (v, n) without the pieces of many entries; of few entries all are kept."""
    entries = pieces.shape[1]
    if entries < MANY:
        return pieces
    kept = (np.diff(pieces.indptr) <= COMMON * entries).astype(np.float32)
    pieces.data *= np.repeat(kept, np.diff(pieces.indptr))
    pieces.eliminate_zeros()
    return pieces
