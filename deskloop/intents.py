"""What a customer wants, how sure that is, and whether it is anything the desk knows.

A linear model over feature blocks, stacked with a fine-tuned sentence encoder where there is one, with
temperatures (Guo et al. 2017) and a calibrated scope score; after training it is arrays and an encoder.
Knows nothing about where messages come from.
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
from deskloop.features.sentence import Encoder, SentenceEncoder
from deskloop.features.tuned import Tuned
from deskloop.records import OUT_OF_SCOPE, Record
from deskloop.scope import MOST_ANCHORS, Scope, likeness, signals
from deskloop.softmax import STRENGTHS, Softmax, Trainer, softmax

RARE = 20  # messages: a class with fewer is held down by the penalty on weights more than by being rare


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
    """A trained classifier. `context` tells whether it was trained with the turn before.

    `mix` weighs the logits of the linear model and of the `tuned` encoder; `offset` (k,) is added for rare classes.
    """

    labels: tuple[str, ...]
    features: Featurizer
    model: Softmax
    mix: tuple[float, float]
    scope: Scope
    anchors: NDArray[np.float32]
    context: bool
    tuned: Tuned | None = None
    strength: float = STRENGTHS[0]
    offset: NDArray[np.float32] | None = None

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
        trainable: Path | None = None,
        strengths: Sequence[float] = STRENGTHS,
        seed: int = 17,
    ) -> IntentModel:
        """Train on messages and calibrate on `validation`, or by holding rows out where there is none.

        `trainable`: folder of an encoder whose upper layers are fine-tuned on the messages too. `strengths` of
        the linear model are tried, see `softmax.STRENGTHS`.

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
        model, unseen, strength = calibration.fit(trainer, holdouts, strengths)
        tuned, said = None, None
        if trainable is not None:
            teach = _Teaching(trainable, texts, previous, codes, len(names), seed)
            tuned, said = teach.judged(holdouts[0], validation)
            unseen = unseen.first(len(said))
        known = unseen.codes >= 0
        offset = rarity(codes, len(names))
        mix = _mix(unseen.logits[known], None if said is None else said[known], unseen.codes[known], offset)
        scope = _scope(unseen, _joined(unseen.logits, said, mix), outside)
        keep = _spread_out(len(blocks), MOST_ANCHORS, codes != (-1 if outside is None else outside), seed)
        context, anchors = previous is not None, blocks.anchors[keep]
        return cls(names, features, model, mix, scope, anchors, context, tuned, strength, offset)

    def scores(
        self,
        texts: Sequence[str],
        previous: Sequence[str] | None = None,
        vectors: NDArray[np.float32] | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Probabilities (n, k) in the order of `labels`, and scope scores (n,)."""
        before = (previous if previous is not None else [""] * len(texts)) if self.context else None
        blocks = self.features.transform(texts, before, vectors)
        said = self.tuned.logits(texts, before) if self.tuned else None
        logits = _joined(self.model.logits(blocks), said, self.mix)
        outside = self.labels.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in self.labels else None
        known = self.scope.of(signals(logits, outside, likeness(blocks.anchors, self.anchors)))
        return softmax(logits if self.offset is None else logits + self.offset), known

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
            "mix": self.mix,
            "tuned": self.tuned is not None,
            "context": self.context,
            "encoder": self.features.encoder is not None,
        }
        (folder / "model.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1), "utf-8")
        arrays: dict[str, Any] = {f"scope.{name}": value for name, value in asdict(self.scope).items()}
        arrays |= {f"model.{name}": value for name, value in asdict(self.model).items()}
        if self.tuned:
            self.tuned.encoder.save(folder / "tuned")
            arrays |= {"tuned.weights": self.tuned.weights, "tuned.bias": self.tuned.bias}
        if self.offset is not None:
            arrays["offset"] = self.offset
        arrays = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
        save_file({**arrays, "anchors": self.anchors.astype(np.float16)}, folder / "arrays.safetensors")

    @classmethod
    def load(cls, folder: Path, encoder: Encoder | None) -> IntentModel:
        """Read what `save` wrote. `encoder` must be the one it was trained with."""
        from safetensors.numpy import load_file

        facts = json.loads((folder / "model.json").read_bytes())
        arrays = load_file(folder / "arrays.safetensors")
        tuned = None
        if facts.get("tuned"):
            tuned = Tuned(SentenceEncoder.load(folder / "tuned"), arrays["tuned.weights"], arrays["tuned.bias"])
        return cls(
            labels=tuple(facts["labels"]),
            features=Featurizer.load(folder, encoder if facts["encoder"] else None),
            model=Softmax(*(arrays[f"model.{name}"] for name in ("sparse", "dense", "bias"))),
            # a model of an earlier release has a temperature instead
            mix=tuple(facts["mix"]) if "mix" in facts else (1 / facts["temperature"], 0.0),
            scope=Scope(*(arrays[f"scope.{name}"] for name in ("centre", "spread", "points"))),
            anchors=arrays["anchors"].astype(np.float32),
            context=facts["context"],
            tuned=tuned,
            offset=arrays.get("offset"),
        )


def _labelled(rows: Labelled, features: Featurizer, names: tuple[str, ...], context: bool) -> Holdout:
    before = (rows.previous or [""] * len(rows.texts)) if context else None
    code = {name: i for i, name in enumerate(names)}
    codes = np.array([code.get(label, -1) for label in rows.labels], dtype=np.intp)
    if not (codes >= 0).any():
        raise BadInput("no validation message has an intent seen in training; leave validation out")
    return Holdout(features.transform(rows.texts, before, rows.vectors), codes)


@dataclass(frozen=True)
class _Teaching:
    """What a fine-tuned encoder learns from."""

    folder: Path
    texts: Sequence[str]
    previous: Sequence[str] | None
    codes: NDArray[np.intp]
    classes: int
    seed: int

    def judged(self, holdout: Holdout, validation: Labelled | None) -> tuple[Tuned, NDArray[np.float32]]:
        """The tuned encoder, and its logits of the holdout's rows, which it had not learnt from.

        Of many rows the held-out tenth stays out for good; of few, all are learnt once the weights are known.
        """
        if holdout.rest is None or holdout.part is None:
            assert validation is not None
            tuned = self.fit(np.arange(len(self.texts)))
            return tuned, tuned.logits(validation.texts, self._before(validation))
        tuned = self.fit(holdout.rest)
        said = tuned.logits(*self._rows(holdout.part))
        return (self.fit(np.arange(len(self.texts))) if len(self.texts) <= calibration.SMALL else tuned), said

    def fit(self, rows: NDArray[np.intp]) -> Tuned:
        """Fine-tune on some of the rows."""
        return Tuned.fit(self.folder, *self._rows(rows), self.codes[rows], self.classes, self.seed)

    def _rows(self, rows: NDArray[np.intp]) -> tuple[list[str], list[str] | None]:
        return [self.texts[i] for i in rows], None if self.previous is None else [self.previous[i] for i in rows]

    def _before(self, rows: Labelled) -> Sequence[str] | None:
        return None if self.previous is None else rows.previous or [""] * len(rows.texts)


def rarity(codes: NDArray[np.intp], classes: int) -> NDArray[np.float32]:
    """What is added to the logits of each class (k,): log(1 + 20 / its messages), nearly nothing for a common one.

    A logit adjustment (Menon et al. 2021, section 4.2) for what so few messages cannot teach against the penalty,
    and not for the prior, which stays: macro-F1 gains by it, and accuracy loses nothing.
    """
    counts = np.maximum(np.bincount(codes, minlength=classes), 1)
    added = np.log1p(RARE / counts)
    return np.asarray(added - added.min(), np.float32)


def _mix(
    linear: NDArray[np.float32],
    tuned: NDArray[np.float32] | None,
    codes: NDArray[np.intp],
    offset: NDArray[np.float32],
) -> tuple[float, float]:
    if tuned is None:
        return 1 / calibration.temperature(linear, codes, offset)[0], 0.0
    return calibration.mixture(linear, tuned, codes, offset)


def _joined(
    linear: NDArray[np.float32], tuned: NDArray[np.float32] | None, mix: tuple[float, float]
) -> NDArray[np.float32]:
    own = np.float32(mix[0]) * linear
    return own if tuned is None else own + np.float32(mix[1]) * tuned


def _scope(unseen: Unseen, logits: NDArray[np.float32], outside: int | None) -> Scope:
    known = signals(logits, outside, unseen.near)
    inside = (unseen.codes >= 0) & (unseen.codes != outside)
    return Scope.fit(known[inside if inside.any() else slice(None)])


def _spread_out(rows: int, most: int, usable: NDArray[np.bool_], seed: int) -> NDArray[np.intp]:
    chosen = np.flatnonzero(usable)
    if len(chosen) <= most:
        return chosen
    return np.sort(np.random.default_rng(seed).choice(chosen, most, replace=False))
