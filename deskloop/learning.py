"""From clean messages to trained parts. Knows frames and folders; nothing about stages or storage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deskloop import ablation, suites
from deskloop.features import tuning
from deskloop.features.blocks import Featurizer
from deskloop.features.index import SearchIndex
from deskloop.features.sentence import Remembering, SentenceEncoder
from deskloop.features.tfidf import Tfidf
from deskloop.features.word2vec import WordVectors
from deskloop.generator import base, export, parallel
from deskloop.generator.examples import examples
from deskloop.generator.finetune import Job, TrainReport
from deskloop.generator.loop import Progress
from deskloop.generator.recipe import RECIPES
from deskloop.intents import IntentModel, Labelled
from deskloop.origins import TrafficSource
from deskloop.settings import Settings
from deskloop.topics import Found, Topics, discover, discovered, wanted


def featurizer(tfidf: Path, words: Path, settings: Settings) -> Featurizer:
    """The blocks that the configuration switches on."""
    on = settings.features
    return Featurizer(
        Tfidf.load(tfidf) if on.tfidf else None,
        WordVectors.load(words) if on.word2vec else None,
        SentenceEncoder.load(base.encoder_path(settings)) if on.sentence else None,
    )


def encoder(messages: pd.DataFrame, vectors: Path, settings: Settings) -> Remembering:
    """The sentence encoder, with the vectors of the messages that the features stage made."""
    from safetensors.numpy import load_file

    rows = load_file(vectors / "vectors.safetensors")["vectors"]
    return Remembering(SentenceEncoder.load(base.encoder_path(settings)), messages["text"].tolist(), rows)


def intents(
    messages: pd.DataFrame, vectors: Path, features: Featurizer, settings: Settings
) -> tuple[IntentModel, list[dict[str, Any]]] | None:
    """A classifier of the labelled training messages, and what each feature adds to it.

    Topics teach it as labels do, but tell nothing about what a feature is worth: they were made of one of them.

    None if fewer than two intents are labelled.
    """
    from safetensors.numpy import load_file

    rows = load_file(vectors / "vectors.safetensors")["vectors"]
    labelled = messages["intent"].notna().to_numpy()
    train = labelled & (messages["split"] == "train").to_numpy()
    held = labelled & (messages["split"] == "validation").to_numpy()
    if messages.loc[train, "intent"].nunique() < 2:
        return None
    teach, tune = _labelled(messages, rows, train), _labelled(messages, rows, held)
    model = IntentModel.fit(
        teach.texts, teach.labels, features,
        previous=teach.previous, vectors=teach.vectors, validation=tune, trainable=trainable(settings),
        seed=settings.model.seed,
    )  # fmt: skip
    given = labelled & ~discovered(messages).to_numpy()
    test = _labelled(messages, rows, given & (messages["split"] == "test").to_numpy())
    return model, ablation.ablation(model, teach, tune, test, settings.model.seed) if len(test.texts) else []


def topics(
    messages: pd.DataFrame, digest: str, vectors: Path, settings: Settings, known: Topics | None
) -> Found | None:
    """Topics of the messages without a label, where the configuration or their lack of labels asks for any.

    `digest` is that of the messages' table; `known` are the champion's topics, whose names go on.
    """
    from safetensors.numpy import load_file

    reviewed = {source.name for source in settings.sources if isinstance(source, TrafficSource)}
    if not wanted(messages, settings.intents, reviewed):
        return None
    rows = load_file(vectors / "vectors.safetensors")["vectors"]
    encode = SentenceEncoder.load(base.encoder_path(settings)).encode
    return discover(messages, rows, encode, settings.intents, settings.model.seed, known, digest)


def trainable(settings: Settings) -> Path | None:
    """The encoder's folder if its upper layers are to be fine-tuned and can be."""
    if not (settings.features.sentence and settings.features.tuned):
        return None
    folder = base.encoder_path(settings)
    return folder if tuning.can_learn(folder) else None


def _labelled(messages: pd.DataFrame, vectors: Any, which: Any) -> Labelled:
    rows = messages[which]
    # without any turn before, the block would only cost time
    previous = rows["previous"].tolist() if (messages["previous"] != "").any() else None
    return Labelled(rows["text"].tolist(), rows["intent"].tolist(), previous, np.ascontiguousarray(vectors[which]))


def generator(
    folder: Path,
    messages: pd.DataFrame,
    knowledge: pd.DataFrame,
    index: Path,
    settings: Settings,
    progress: Progress | None = None,
    warm: Path | None = None,
) -> TrainReport:
    """Fine-tune into `folder/generator` and export to `folder/generator-int8`.

    Checkpoints live in the home folder, so that a run that was killed goes on where it was. `warm` is the
    generator of an earlier run, to go on from.
    """
    searcher = SearchIndex.load(index, SentenceEncoder.load(base.encoder_path(settings)))
    given = messages, knowledge, searcher, settings.shop.name, settings.model.seed
    job = Job(
        base.base_path(settings),
        suites.among(examples(*given), *given[3:]),
        folder / "generator",
        RECIPES[settings.effort],
        settings.model.seed,
        validation=examples(*given, split="validation"),
        checkpoints=settings.home / "checkpoints",
        warm=warm,
    )
    done = parallel.learn(job, progress)
    export.export_int8(folder / "generator", folder / "generator-int8")
    (folder / "training.json").write_text(json.dumps(done.as_dict(), indent=1), "utf-8")
    return done
