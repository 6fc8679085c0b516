"""What a customer wants, how sure that is, and whether it is anything the desk knows.

A linear model over feature blocks with a temperature (Guo et al. 2017) and a calibrated scope score; after
training it is arrays only. Knows nothing about where messages come from.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deskloop import calibration
from deskloop.calibration import Holdout, Unseen
from deskloop.errors import BadInput
from deskloop.features.blocks import Featurizer
from deskloop.features.sentence import Encoder
from deskloop.records import Record
from deskloop.scope import MOST_ANCHORS, Scope, likeness, signals
from deskloop.softmax import Softmax, Trainer, softmax

OUT_OF_SCOPE = "out_of_scope"


class Prediction(Record):
    """An intent, the probability that it is right, and the scope score (see `Scope.of`), all in [0, 1]."""

    intent: str
    confidence: float
    scope: float


class Labelled(NamedTuple):
    """Messages with their intents; `previous` turns and sentence `vectors` (n, e) where known."""

    texts: Sequence[str]
    labels: Sequence[str]
    previous: Sequence[str] | None = None
    vectors: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class IntentModel:
    """A trained classifier. `context` tells whether it was trained with the turn before."""

    labels: tuple[str, ...]
    features: Featurizer
    model: Softmax
    temperature: float
    scope: Scope
    anchors: NDArray[np.float32]
    context: bool

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        labels: Sequence[str],
        features: Featurizer,
        *,
        previous: Sequence[str] | None = None,
        vectors: NDArray[np.float32] | None = None,
        validation: Labelled | None = None,
        seed: int = 17,
    ) -> IntentModel:
        """Train on messages and calibrate on `validation`, or by holding rows out where there is none.

        The label "out_of_scope" marks messages about none of the intents. Raises BadInput if fewer than two
        intents are labelled.
        """
        names = tuple(sorted(set(labels)))
        if len(names) < 2:
            raise BadInput(f"intents need at least two labels, got {list(names)}; label more messages")
        codes = np.array([names.index(label) for label in labels], dtype=np.intp)
        blocks = features.transform(texts, previous, vectors)
        trainer = Trainer.of(blocks, codes, len(names), seed)
        outside = names.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in names else None
        if validation is not None and len(validation.texts):
            holdouts = [_labelled(validation, features, names, previous is not None)]
        else:
            holdouts = calibration.folds(blocks, codes, seed)
        model, unseen = calibration.fit(trainer, holdouts)
        known = unseen.codes >= 0
        temperature, _ = calibration.temperature(unseen.logits[known], unseen.codes[known])
        scope = _scope(unseen, outside)
        keep = _spread_out(len(blocks), MOST_ANCHORS, codes != (-1 if outside is None else outside), seed)
        return cls(names, features, model, temperature, scope, blocks.anchors[keep], previous is not None)

    def scores(
        self,
        texts: Sequence[str],
        previous: Sequence[str] | None = None,
        vectors: NDArray[np.float32] | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Probabilities (n, k) in the order of `labels`, and scope scores (n,)."""
        before = (previous if previous is not None else [""] * len(texts)) if self.context else None
        blocks = self.features.transform(texts, before, vectors)
        logits = self.model.logits(blocks)
        outside = self.labels.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in self.labels else None
        known = self.scope.of(signals(logits, outside, likeness(blocks.anchors, self.anchors)))
        return softmax(logits / self.temperature), known

    def predict(
        self,
        texts: Sequence[str],
        previous: Sequence[str] | None = None,
        vectors: NDArray[np.float32] | None = None,
    ) -> list[Prediction]:
        """One prediction per text."""
        if not len(texts):
            return []
        shares, scope = self.scores(texts, previous, vectors)
        best = shares.argmax(axis=1)
        return [
            Prediction(intent=self.labels[i], confidence=float(row[i]), scope=float(known))
            for i, row, known in zip(best, shares, scope, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Write JSON, npy and safetensors. The encoder is not part of it."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        self.features.save(folder)
        facts = {
            "labels": self.labels,
            "temperature": self.temperature,
            "context": self.context,
            "encoder": self.features.encoder is not None,
        }
        (folder / "model.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1), "utf-8")
        arrays: dict[str, Any] = {f"scope.{name}": value for name, value in asdict(self.scope).items()}
        arrays |= {f"model.{name}": value for name, value in asdict(self.model).items()}
        arrays = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
        save_file({**arrays, "anchors": self.anchors.astype(np.float16)}, folder / "arrays.safetensors")

    @classmethod
    def load(cls, folder: Path, encoder: Encoder | None) -> IntentModel:
        """Read what `save` wrote. `encoder` must be the one it was trained with."""
        from safetensors.numpy import load_file

        facts = json.loads((folder / "model.json").read_bytes())
        arrays = load_file(folder / "arrays.safetensors")
        return cls(
            labels=tuple(facts["labels"]),
            features=Featurizer.load(folder, encoder if facts["encoder"] else None),
            model=Softmax(*(arrays[f"model.{name}"] for name in ("sparse", "dense", "bias"))),
            temperature=facts["temperature"],
            scope=Scope(*(arrays[f"scope.{name}"] for name in ("centre", "spread", "points"))),
            anchors=arrays["anchors"].astype(np.float32),
            context=facts["context"],
        )


def _labelled(rows: Labelled, features: Featurizer, names: tuple[str, ...], context: bool) -> Holdout:
    before = (rows.previous or [""] * len(rows.texts)) if context else None
    code = {name: i for i, name in enumerate(names)}
    codes = np.array([code.get(label, -1) for label in rows.labels], dtype=np.intp)
    if not (codes >= 0).any():
        raise BadInput("no validation message has an intent seen in training; leave validation out")
    return Holdout(features.transform(rows.texts, before, rows.vectors), codes)


def _scope(unseen: Unseen, outside: int | None) -> Scope:
    known = signals(unseen.logits, outside, unseen.near)
    inside = (unseen.codes >= 0) & (unseen.codes != outside)
    return Scope.fit(known[inside if inside.any() else slice(None)])


def _spread_out(rows: int, most: int, usable: NDArray[np.bool_], seed: int) -> NDArray[np.intp]:
    chosen = np.flatnonzero(usable)
    if len(chosen) <= most:
        return chosen
    return np.sort(np.random.default_rng(seed).choice(chosen, most, replace=False))
