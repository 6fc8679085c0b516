"""A seeded encoder without learned weights: hashed words and character pieces, randomly projected.

It stands in for the fetched encoder in tests and where nothing can be fetched: texts that share words and
word parts get near vectors, and that is all it knows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from deskloop.features.tfidf import character_pieces
from deskloop.text.tokens import words

KIND = "tiny"
BUCKETS = 4096


@dataclass(frozen=True)
class TinyEncoder:
    """Same interface and folder layout as `SentenceEncoder`; `SentenceEncoder.load` opens both."""

    dimension: int = 128
    seed: int = 17

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns float32 (n, dimension), unit rows (a text without a word is one fixed direction)."""
        out = np.empty((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            counts = Counter(crc32(piece.encode()) % BUCKETS for piece in _pieces(text))
            weights = np.sqrt(np.array(list(counts.values()) or [1]))
            out[row] = weights @ self._projection[list(counts) or [0]]
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    def save(self, folder: Path) -> None:
        """Write the folder that `SentenceEncoder.load` opens."""
        folder.mkdir(parents=True, exist_ok=True)
        facts = {"kind": KIND, "dimension": self.dimension, "seed": self.seed}
        (folder / "encoder.json").write_text(json.dumps(facts, indent=1), "utf-8")

    @cached_property
    def _projection(self) -> NDArray[np.float32]:
        rng = np.random.default_rng(self.seed)
        return rng.standard_normal((BUCKETS, self.dimension)).astype(np.float32)


def _pieces(text: str) -> list[str]:
    return [f"{word}|" for word in words(text)] * 2 + [p for p in character_pieces(text) if len(p) > 2]
