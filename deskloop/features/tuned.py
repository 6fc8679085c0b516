"""A sentence encoder that was fine-tuned on the team's classes, with its linear head. Serves without torch."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deskloop.features.sentence import Encoder, SentenceEncoder

BETWEEN = " [SEP] "  # the encoder's own separator between a message and the turn before it

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Tuned:
    """Logits of k classes from unit vectors: `weights` (d, k), `bias` (k,)."""

    encoder: Encoder
    weights: Matrix
    bias: Matrix
    scratch: tempfile.TemporaryDirectory[str] | None = None  # holds a new encoder's files until it is saved

    @classmethod
    def fit(
        cls,
        folder: Path,
        texts: Sequence[str],
        previous: Sequence[str] | None,
        codes: NDArray[np.intp],
        classes: int,
        seed: int,
    ) -> Tuned:
        """Train the encoder in `folder` (see `tuning.tune`) on messages and the turns before them."""
        from deskloop.features import tuning

        scratch = tempfile.TemporaryDirectory(prefix="deskloop-tuned-")
        made = Path(scratch.name) / "encoder"
        weights, bias = tuning.tune(folder, joined(texts, previous), codes, classes, made, seed)
        return cls(SentenceEncoder.load(made), weights, bias, scratch)

    def logits(self, texts: Sequence[str], previous: Sequence[str] | None) -> Matrix:
        """Returns float32 (n, k)."""
        return np.asarray(self.encoder.encode(joined(texts, previous)) @ self.weights + self.bias, np.float32)


def joined(texts: Sequence[str], previous: Sequence[str] | None) -> list[str]:
    """Each text with the turn before it, where there is one."""
    if previous is None:
        return list(texts)
    pairs = zip(texts, previous, strict=True)
    return [f"{text}{BETWEEN}{before}" if before.strip() else text for text, before in pairs]
