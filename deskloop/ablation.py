"""What each kind of feature adds to classifier and search: learnt again without it, judged on the same messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskloop import metrics
from deskloop.features import fusion
from deskloop.features.blocks import Featurizer
from deskloop.features.index import SearchIndex
from deskloop.intents import IntentModel, Labelled

FILE = "ablation.json"
COLUMNS = ("part", "feature", "with it", "without", "adds", "excludes zero", "cases")
_BLOCKS = (("tfidf", "TF-IDF"), ("word2vec", "Word2Vec"), ("encoder", "sentence vectors"))
_JUDGED = {"intents": "accuracy, out of scope included", "search": "recall@1"}
_SIGNALS = (
    ("BM25", ("words",)), ("TF-IDF", ("pieces",)), ("sentence vectors", ("whole", "asked", "typical")),
    ("classifier of past questions", ("learnt",)), ("learnt weights", ()),
)  # fmt: skip


def ablation(
    model: IntentModel, teach: Labelled, tune: Labelled | None, test: Labelled, seed: int
) -> list[dict[str, Any]]:
    """One row for each part: accuracy on `test` with and without it, and the paired 95 % interval of the difference.

    The blocks are taken out of the linear model, one at a time; the fine-tuned encoder out of the whole.
    """
    linear = replace(model, tuned=None, mix=(1.0, 0.0))
    whole, plain = _right(model, test), _right(linear, test)
    rows = [_row("intents", "fine-tuned encoder", whole, plain)] if model.tuned else []
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
        rows.append(_row("intents", title, plain, _right(without, test)))
    return rows


def search(
    index: SearchIndex, tune: Sequence[tuple[str, str]], test: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """One row for each kind of signal: recall@1 on `test` with it, and with weights learnt on `tune` without it.

    Both are (question, entry id) pairs that the index has not seen.
    """
    if not test:
        return []
    texts, gold = zip(*test, strict=True)
    vectors = index.encoder.encode(texts)
    default = fusion.WITH_EXAMPLES if index.matcher.model is not None else fusion.PLAIN

    def first(found: SearchIndex) -> NDArray[np.float64]:
        hits = found.search_many(texts, 1, vectors)
        return np.array([bool(h) and h[0].id == g for h, g in zip(hits, gold, strict=True)], np.float64)

    whole, rows = first(index), []
    for title, names in _SIGNALS:
        left = np.where(np.isin(fusion.SIGNALS, names), 0, default).astype(np.float32)
        if left.sum() == default.sum() and names:  # it has no weight here
            continue
        without = replace(index, weights=left / left.sum())
        rows.append(_row("search", title, whole, first(without.tuned(tune) if names else without)))
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


def _row(part: str, feature: str, with_it: NDArray[np.float64], without: NDArray[np.float64]) -> dict[str, Any]:
    adds = metrics.paired_bootstrap(with_it, without)
    return {
        "part": f"{part} ({_JUDGED[part]})",
        "feature": feature,
        "with it": float(with_it.mean()),
        "without": float(without.mean()),
        "adds": str(adds),
        "excludes zero": adds.excludes_zero,
        "cases": len(with_it),
    }
