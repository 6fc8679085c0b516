"""`deskloop bench topics`: topics found with the labels hidden, next to plain k-means on TF-IDF, in one run.

On labelled rows of anybody's, or on the sample shop's real messages, split as the pipeline does. The peer is told
the true number of labels, which Deskloop has to find. Nothing here is read back by what finds topics.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from deskloop import topics
from deskloop.bench import rows
from deskloop.errors import BadInput
from deskloop.features.sentence import Encoder, Remembering, SentenceEncoder
from deskloop.settings import Settings

FITS = 3
EARLIER = 0.8  # share of the messages that an earlier training had
OUTSIDE = ("oos", "out_of_scope")
Labels = NDArray[np.object_]


def run(path: Path | None, settings: Settings) -> dict[str, Any]:
    """Agreement with the hidden labels, over messages that have a topic. Rows are {"text", "intent"[, "reply"]}.

    `seconds` are medians of 3 and include reading the replies; `encode_seconds` is for the messages, which the
    pipeline does anyway. `retraining`: topics of four fifths of the messages, then of all.
    """
    from deskloop.generator.base import encoder_path

    encoder = SentenceEncoder.load(encoder_path(settings), remember=0)
    frame = _rows(path) if path else _shop(settings)
    began = time.perf_counter()
    vectors = encoder.encode(frame["text"].tolist())
    encoding = time.perf_counter() - began
    out = {
        "messages": len(frame),
        "labels": int(frame["intent"].nunique()),
        "encode_seconds": round(encoding, 2),
        "deskloop": _measured(frame, vectors, encoder, settings),
    }
    if (frame["reply"] != "").any():
        out["messages_alone"] = _measured(frame.assign(reply=""), vectors, encoder, settings)
    return {**out, "tfidf_kmeans": _peer(frame, settings.model.seed)}


def _measured(
    frame: pd.DataFrame, vectors: NDArray[np.float32], encoder: Encoder, settings: Settings
) -> dict[str, Any]:
    hidden = frame.assign(intent=None)
    seconds = []
    for _ in range(FITS):
        began = time.perf_counter()
        found = topics.discover(hidden, vectors, encoder.encode, settings.intents, settings.model.seed)
        seconds.append(time.perf_counter() - began)
    if found is None:
        raise BadInput(f"no topics in {len(frame)} messages: too few, or no two groups of them; give more rows")
    figures = _agreement(frame, np.array(found.labels, dtype=object))
    told = {"topics": len(found.topics.topics), "seconds": round(median(seconds), 2), **figures}
    return {**told, "retraining": _retrained(hidden, vectors, encoder, settings, found)}


def _agreement(frame: pd.DataFrame, said: Labels) -> dict[str, Any]:
    """By split: share that has a topic, and how well topics and labels agree on these; `ami_all` counts the rest in.

    There, what is unclear is one group.
    """
    out = {}
    outside = frame["intent"].isin(OUTSIDE).to_numpy()
    for split in dict.fromkeys(frame["split"]):
        inside = (frame["split"] == split).to_numpy()
        clear = inside & np.array([label is not None for label in said])
        figures = {"clear": round(float(clear.sum() / inside.sum()), 4), **_scores(frame, said, clear)}
        figures["ami_all"] = _scores(frame, np.where(clear, said, ""), inside)["ami"]
        if (outside & inside).any():
            figures["out_of_scope_left_out"] = round(float((~clear)[outside & inside].mean()), 4)
        out[split] = figures
    return out


def _scores(frame: pd.DataFrame, said: Labels, which: NDArray[np.bool_]) -> dict[str, float]:
    """Adjusted mutual information (Vinh et al. 2010), purity and homogeneity (Rosenberg and Hirschberg 2007)."""
    from sklearn.metrics import adjusted_mutual_info_score, homogeneity_score

    truth, topic = frame["intent"].to_numpy()[which].tolist(), said[which].tolist()
    if not truth:
        return {}
    commonest = pd.crosstab(pd.Series(topic), pd.Series(truth)).max(axis=1).sum()
    scores = {
        "ami": adjusted_mutual_info_score(truth, topic),
        "purity": commonest / len(truth),
        "homogeneity": homogeneity_score(truth, topic),
    }
    return {name: round(float(value), 4) for name, value in scores.items()}


def _retrained(
    hidden: pd.DataFrame, vectors: NDArray[np.float32], encoder: Encoder, settings: Settings, found: topics.Found
) -> dict[str, Any]:
    """Names that stay when a fifth of the messages is new, with the former topics at hand and without."""
    seed = settings.model.seed
    replies = hidden["reply"].tolist()
    known = Remembering(encoder, replies, encoder.encode(replies)) if any(replies) else encoder
    earlier = np.random.default_rng(seed).random(len(hidden)) < EARLIER
    part = hidden[earlier].reset_index(drop=True)
    first = topics.discover(part, vectors[earlier], known.encode, settings.intents, seed)
    if first is None:
        return {}
    then = topics.discover(hidden, vectors, known.encode, settings.intents, seed, first.topics)
    out: dict[str, Any] = {"topics_before": len(first.topics.topics)}
    for name, later in (("", then), ("_unmatched", found)):
        if later is None:
            continue
        labels = [label for label, was in zip(later.labels, earlier, strict=True) if was]
        same = [a == b for a, b in zip(first.labels, labels, strict=True) if a and b]
        kept = {t.name for t in first.topics.topics} & {t.name for t in later.topics.topics}
        out |= {f"names_kept{name}": len(kept), f"same_name{name}": round(float(np.mean(same)), 4)}
    return out


def _peer(frame: pd.DataFrame, seed: int) -> dict[str, Any]:
    """k-means on TF-IDF of words and pairs without stop words, as a tutorial has it; every message gets a group."""
    from sklearn.cluster import KMeans
    from sklearn.feature_extraction.text import TfidfVectorizer

    train = (frame["split"] == "train").to_numpy()
    seconds = []
    for _ in range(FITS):
        began = time.perf_counter()
        terms = TfidfVectorizer(ngram_range=(1, 2), min_df=2, stop_words="english", sublinear_tf=True)
        table = terms.fit_transform(frame.loc[train, "text"])
        model = KMeans(int(frame["intent"].nunique()), n_init=3, random_state=seed).fit(table)
        seconds.append(time.perf_counter() - began)
    said = model.predict(terms.transform(frame["text"])).astype(object)
    by_split = {
        split: _scores(frame, said, (frame["split"] == split).to_numpy()) for split in dict.fromkeys(frame["split"])
    }
    return {"topics": int(model.n_clusters), "seconds": round(median(seconds), 2), **by_split}


def _rows(path: Path) -> pd.DataFrame:
    found = rows.read(path, "text", "intent")
    return _framed([str(r["text"]) for r in found], [str(r["intent"]) for r in found],
                   [str(r.get("reply") or "") for r in found], ["train"] * len(found))  # fmt: skip


def _shop(settings: Settings) -> pd.DataFrame:
    from deskloop.bench import shop

    with tempfile.TemporaryDirectory(prefix="deskloop-") as folder:
        messages = shop.make(Path(folder), settings).messages
    real = messages[~messages["synthetic"].astype(bool) & messages["intent"].notna()]
    return _framed(*(real[name].tolist() for name in ("text", "intent", "reply", "split")))


def _framed(*columns: Sequence[str]) -> pd.DataFrame:
    """From texts, intents, replies and splits."""
    named = dict(zip(("text", "intent", "reply", "split"), map(list, columns), strict=True))
    frame = pd.DataFrame(named).assign(synthetic=False, source="bench")
    return frame.assign(id=[str(number) for number in frame.index])
