"""What each kind of feature adds to the classifier: trained again without it, judged on the same messages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskloop import metrics
from deskloop.features.blocks import Featurizer
from deskloop.intents import IntentModel, Labelled

FILE = "ablation.json"
_BLOCKS = (("tfidf", "TF-IDF"), ("word2vec", "Word2Vec"), ("encoder", "sentence vectors"))


def ablation(
    model: IntentModel, teach: Labelled, tune: Labelled | None, test: Labelled, seed: int
) -> list[dict[str, Any]]:
    """One row for each part: accuracy on `test` with and without it, and the paired 95 % interval of the difference.

    The blocks are taken out of the linear model, one at a time; the fine-tuned encoder out of the whole.
    """
    linear = replace(model, tuned=None, mix=(1.0, 0.0))
    whole, plain = _right(model, test), _right(linear, test)
    rows = [_row("fine-tuned encoder", whole, plain)] if model.tuned else []
    blocks = {name: getattr(model.features, name) for name, _ in _BLOCKS}
    for name, title in _BLOCKS:
        left = {**blocks, name: None}
        if blocks[name] is None or not any(left.values()):
            continue
        without = IntentModel.fit(
            teach.texts,
            teach.labels,
            Featurizer(**left),
            previous=teach.previous if model.context else None,
            vectors=teach.vectors,
            validation=tune,
            strengths=(model.strength,),
            seed=seed,
        )
        rows.append(_row(title, plain, _right(without, test)))
    return rows


def save(rows: list[dict[str, Any]], folder: Path) -> None:
    """Write the rows beside the classifier."""
    (folder / FILE).write_text(json.dumps(rows, indent=1), "utf-8")


def load(intents: Path) -> list[dict[str, Any]]:
    """The rows kept beside a classifier; none if it has none."""
    path = intents / FILE
    return list(json.loads(path.read_bytes())) if path.is_file() else []


def _right(model: IntentModel, rows: Labelled) -> NDArray[np.float64]:
    shares, _ = model.scores(rows.texts, rows.previous, rows.vectors)
    said = np.array(model.labels)[shares.argmax(axis=1)]
    return (said == np.array(rows.labels)).astype(np.float64)


def _row(part: str, with_it: NDArray[np.float64], without: NDArray[np.float64]) -> dict[str, Any]:
    adds = metrics.paired_bootstrap(with_it, without)
    return {
        "feature": part,
        "accuracy with it": float(with_it.mean()),
        "without": float(without.mean()),
        "adds": str(adds),
        "excludes zero": adds.excludes_zero,
    }
