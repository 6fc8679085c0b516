"""Approximate search among many vectors, for knowledge bases that an exact product would be slow for.

Inverted lists by FAISS (Johnson, Douze and Jégou 2017; the extra `ann`): each vector lies in the list of its nearest
centre, and the lists nearest to a query are searched. Without the extra everything stays exact. Knows no entries.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

EXACT = 100_000  # vectors up to which an exact search is fast enough
PROBED = 32  # lists searched
_FILE = "near.faiss"
_LISTS = 4  # times the square root of the number of vectors, as FAISS advises
_PER_LIST = 50  # vectors that each centre is learnt from
_SEED = 17


@dataclass(frozen=True)
class Near:
    """A FAISS index of unit vectors."""

    index: Any

    @classmethod
    def of(cls, vectors: NDArray[np.float32], most_exact: int = EXACT) -> Near | None:
        """Index of `vectors` (n, e); None where so few need none, or the extra is not installed."""
        faiss = _faiss(len(vectors)) if len(vectors) > most_exact else None
        if faiss is None:
            return None
        lists = max(1, int(_LISTS * np.sqrt(len(vectors))))
        index = faiss.index_factory(vectors.shape[1], f"IVF{lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
        chance = np.random.default_rng(_SEED)
        learnt = chance.choice(len(vectors), min(len(vectors), _PER_LIST * lists), replace=False)
        index.train(np.ascontiguousarray(vectors[np.sort(learnt)]))
        index.add(np.ascontiguousarray(vectors))
        return cls(index)

    def search(self, vectors: NDArray[np.float32], k: int) -> list[NDArray[np.int64]]:
        """Rows of the `k` vectors nearest to each of `vectors` (q, e), nearest first; perhaps fewer."""
        self.index.nprobe = PROBED
        _, found = self.index.search(np.ascontiguousarray(vectors), k)
        return [row[row >= 0] for row in found]

    def save(self, folder: Path) -> None:
        """Write FAISS's own binary form, which holds arrays and no code."""
        import faiss

        (folder / _FILE).write_bytes(faiss.serialize_index(self.index).tobytes())

    @classmethod
    def load(cls, folder: Path, vectors: int) -> Near | None:
        """Read what `save` wrote; None where there is none or the extra is missing."""
        path = folder / _FILE
        faiss = _faiss(vectors) if path.is_file() else None
        return cls(faiss.deserialize_index(np.frombuffer(path.read_bytes(), np.uint8))) if faiss else None


def _faiss(vectors: int) -> Any:
    """The library; None, and a word about it, where the extra is not installed."""
    try:
        import faiss
    except ImportError:
        log.warning("%d vectors are searched exactly; pip install 'deskloop[ann]' for faster search", vectors)
        return None
    return faiss
