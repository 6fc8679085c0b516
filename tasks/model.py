"""Modeling: search index, intent classifier, fine-tuned generator, and the candidate they make together."""

from __future__ import annotations

from pathlib import Path

from deskloop.bundle import LEARNT
from deskloop.records import Named, Receipt
from deskloop.releases import Releases
from deskloop.settings import Settings
from deskloop.store import Store
from tasks import report
from tasks.cache import stage


@stage("build-index", reads=("model",))
def build_index(messages: Receipt, knowledge: Receipt, vectors: Receipt, settings: Settings) -> Receipt:
    """Search over the knowledge, and over past questions that it answered."""
    from deskloop import learning
    from deskloop.features import index

    store = Store(settings.store_root)
    frame = store.table(messages)
    encoder = learning.encoder(frame, store.path(vectors), settings)
    built = index.SearchIndex.from_frames(store.table(knowledge), frame, encoder)

    def save(folder: Path) -> int:
        built.save(folder)
        return knowledge.rows

    return store.put_dir("index", save)


@stage("fit-intents", reads=("effort", "features", "model"))
def fit_intents(
    messages: Receipt, tfidf: Receipt, words: Receipt, vectors: Receipt, settings: Settings
) -> Receipt | None:
    """The classifier over all features; None where nothing is labelled."""
    from deskloop import ablation, learning

    store = Store(settings.store_root)
    features = learning.featurizer(store.path(tfidf), store.path(words), settings)
    made = learning.intents(store.table(messages), store.path(vectors), features, settings)
    if made is None:
        report.skipped("intents", "no labels, and no topics")
        return None

    def build(folder: Path) -> None:
        made[0].save(folder)
        ablation.save(made[1], folder)

    return store.put_dir("intents", build)


@stage("fine-tune", reads=("effort", "model", "shop"))
def fine_tune(messages: Receipt, knowledge: Receipt, index: Receipt, settings: Settings) -> Receipt:
    """The base model fine-tuned on the team's dialogues, from the champion's adapters on, and its int8 export.

    The champion is deliberately no part of the cache key: one set of data is learnt once.
    """
    from deskloop import learning

    store, drawing = Store(settings.store_root), report.LossCurve()
    frames, found = (store.table(messages), store.table(knowledge)), store.path(index)

    def build(folder: Path) -> int:
        done = learning.generator(folder, *frames, found, settings, drawing.show, _warm(messages, settings))
        (folder / LEARNT).write_text(messages.sha256, "utf-8")
        drawing.finish(done)
        return done.examples

    return store.put_dir("generator", build)


def _warm(messages: Receipt, settings: Settings) -> Path | None:
    """The champion's generator; None if there is none, if it learnt from the same messages, or if it is unwanted.

    Nothing goes on from a retired champion: it saw somebody who asked to be erased.
    """
    champion = Releases.of(settings).champion() if settings.model.warm_start else None
    if champion is None or champion.retired:
        return None
    learnt = champion.path / LEARNT
    known = learnt.is_file() and learnt.read_text("utf-8") == messages.sha256
    return None if known else champion.path / "generator"


@stage("assemble", reads=("effort", "model", "shop"))
def assemble(
    named: Named, index: Receipt, card: Receipt, intents: Receipt | None, generator: Receipt, settings: Settings
) -> Receipt:
    """The candidate bundle: all parts, calibrated thresholds and the drift reference."""
    from deskloop import bundle, datacard
    from deskloop.generator.base import encoder_path

    store = Store(settings.store_root)
    parts = {"generator": store.path(generator), "index": store.path(index), "encoder": encoder_path(settings)}
    if intents is not None:
        parts["intents"] = store.path(intents)
    if named.topics is not None:
        parts["topics"] = store.path(named.topics)
    parts["card"] = store.path(card) / datacard.PAGE
    frame = store.table(named.messages)
    return store.put_dir("candidate", lambda folder: bundle.assemble(folder, parts, frame, settings))
