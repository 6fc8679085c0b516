"""`deskloop bench intents`: the classifier as the pipeline trains it, on labelled rows of anybody's."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from deskloop import metrics, peers
from deskloop.bench import rows
from deskloop.features.blocks import Featurizer
from deskloop.features.sentence import Encoder, SentenceEncoder
from deskloop.features.tfidf import Tfidf
from deskloop.features.word2vec import WordVectors
from deskloop.intents import IntentModel
from deskloop.records import OUT_OF_SCOPE
from deskloop.settings import Settings

FITS = 3
TIMED_QUERIES = 200


def run(train: Path, test: Path, settings: Settings) -> dict[str, Any]:
    """Fit on `train`, score on `test`; rows {"text", "intent"} and optionally "previous".

    Accuracy, F1 and ECE are over in-scope rows by forced choice; `fit_seconds` is the median of 3 fits, word
    vectors and encoding included; `p50_ms` is one message at a time, nothing remembered. `linear`: TF-IDF +
    LinearSVC on the same rows.
    """
    learn, cases = (_labelled(rows.read(path, "text", "intent")) for path in (train, test))
    encoder = _encoder(settings)
    seconds = []
    for _ in range(FITS):
        began = time.perf_counter()
        model = fit(learn, settings, encoder)
        seconds.append(time.perf_counter() - began)
    ours = {**score(model, cases), "fit_seconds": median(seconds), "p50_ms": _latency(model, cases)}
    return {**ours, "linear": _linear(learn, cases, settings.model.seed)}


def fit(learn: list[dict[str, Any]], settings: Settings, encoder: Encoder | None) -> IntentModel:
    """The classifier with the features that are switched on."""
    texts = [row["text"] for row in learn]
    on = settings.features
    features = Featurizer(
        Tfidf.fit(texts) if on.tfidf else None,
        WordVectors.train(texts, settings.model.seed) if on.word2vec else None,
        encoder,
    )
    previous = [row["previous"] for row in learn] if any(row["previous"] for row in learn) else None
    labels = [row["intent"] for row in learn]
    seed, encoder_folder = settings.model.seed, _trainable(settings)
    return IntentModel.fit(texts, labels, features, previous=previous, trainable=encoder_folder, seed=seed)


def score(model: IntentModel, cases: list[dict[str, Any]]) -> dict[str, Any]:
    """Scores of labelled `cases`; the out-of-scope ones are None where there is no such case."""
    shares, scope = model.scores([c["text"] for c in cases], [c["previous"] for c in cases])
    if OUT_OF_SCOPE in model.labels:
        shares = np.where(np.array(model.labels) == OUT_OF_SCOPE, 0, shares)
    truth = np.array([c["intent"] for c in cases])
    inside = truth != OUT_OF_SCOPE
    said = np.array(model.labels)[shares.argmax(axis=1)]
    right = (said == truth)[inside]
    return {
        **metrics.classification(truth[inside].tolist(), said[inside].tolist()),
        **_outside(scope, inside),
        "ece": metrics.expected_calibration_error(shares.max(axis=1)[inside], right),
        "in_scope": int(inside.sum()),
        "out_of_scope": int((~inside).sum()),
    }


def _linear(learn: list[dict[str, Any]], cases: list[dict[str, Any]], seed: int) -> dict[str, float]:
    """The peer's scores over the same in-scope rows."""
    known, asked = ([row for row in some if row["intent"] != OUT_OF_SCOPE] for some in (learn, cases))
    said = peers.svc([r["text"] for r in known], [r["intent"] for r in known], [r["text"] for r in asked], seed)
    return metrics.classification([r["intent"] for r in asked], said)


def _outside(scope: np.ndarray, inside: np.ndarray) -> dict[str, float | None]:
    if inside.all() or not inside.any():
        return {"oos_auroc": None, "oos_recall_at_95_in_scope": None}
    from sklearn.metrics import roc_auc_score

    kept = np.quantile(scope[inside], 0.05)
    return {
        "oos_auroc": float(roc_auc_score(inside, scope)),
        "oos_recall_at_95_in_scope": float((scope[~inside] < kept).mean()),
    }


def _latency(model: IntentModel, cases: list[dict[str, Any]]) -> float:
    spent = []
    for case in cases[:: max(1, len(cases) // TIMED_QUERIES)]:
        began = time.perf_counter()
        model.predict([case["text"]], [case["previous"]])
        spent.append((time.perf_counter() - began) * 1000)
    return median(spent)


def _labelled(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in our words: `oos` is the published name of out of scope."""
    outside = ("oos", OUT_OF_SCOPE)
    return [
        {
            "text": str(row["text"]),
            "intent": OUT_OF_SCOPE if row["intent"] in outside else str(row["intent"]),
            "previous": str(row.get("previous") or ""),
        }
        for row in found
    ]


def _trainable(settings: Settings) -> Path | None:
    from deskloop.learning import trainable

    return trainable(settings)


def _encoder(settings: Settings) -> Encoder | None:
    if not settings.features.sentence:
        return None
    from deskloop.generator.base import encoder_path

    return SentenceEncoder.load(encoder_path(settings), remember=0)
