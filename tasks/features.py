"""Feature engineering: TF-IDF, Word2Vec and sentence vectors of the same messages, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deskloop.records import Receipt
from deskloop.settings import Settings
from deskloop.store import Store
from tasks.cache import stage


@stage("fit-tfidf", reads=("features",))
def fit_tfidf(messages: Receipt, settings: Settings) -> Receipt:
    """Vocabulary and weights of the training messages."""
    from deskloop.features.tfidf import Tfidf

    store = Store(settings.store_root)
    texts = _train_texts(store, messages)
    return store.put_dir("tfidf", lambda folder: _saved(Tfidf.fit(texts), folder, len(texts)))


@stage("train-word2vec", reads=("features", "effort", "model"))
def train_word2vec(messages: Receipt, settings: Settings) -> Receipt:
    """Word vectors of the team's own language."""
    from deskloop.features.word2vec import WordVectors

    store = Store(settings.store_root)
    texts = _train_texts(store, messages)
    epochs = {"quick": 5, "standard": 10, "thorough": 20}[settings.effort]
    return store.put_dir(
        "word2vec",
        lambda folder: _saved(WordVectors.train(texts, settings.model.seed, epochs), folder, len(texts)),
    )


@stage("sentence-vectors", reads=("features", "model"))
def sentence_vectors(messages: Receipt, settings: Settings) -> Receipt:
    """A unit vector for each message, in the order of the table."""
    from safetensors.numpy import save_file

    from deskloop.features.sentence import SentenceEncoder
    from deskloop.generator.base import encoder_path

    store = Store(settings.store_root)
    texts = store.table(messages)["text"].tolist()
    vectors = SentenceEncoder.load(encoder_path(settings)).encode(texts)

    def build(folder: Path) -> int:
        save_file({"vectors": vectors}, folder / "vectors.safetensors")
        return len(texts)

    return store.put_dir("vectors", build)


def _train_texts(store: Store, messages: Receipt) -> list[str]:
    frame = store.table(messages)
    return frame.loc[frame["split"] == "train", "text"].tolist()


def _saved(model: Any, folder: Path, rows: int) -> int:
    model.save(folder)
    return rows
