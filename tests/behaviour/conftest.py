"""A bot of the tiny shop, put together by the nouns alone, once with each encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from deskloop import bundle, learning, sources
from deskloop.bot import Bot
from deskloop.errors import BadInput
from deskloop.features.index import SearchIndex
from deskloop.features.sentence import SentenceEncoder
from deskloop.features.tfidf import Tfidf
from deskloop.features.word2vec import WordVectors
from deskloop.generator.base import base_path, encoder_path
from deskloop.generator.export import export_int8
from deskloop.prepare import prepare
from deskloop.settings import Settings, load
from deskloop.store import write_manifest


@pytest.fixture(scope="session", params=["tiny", pytest.param("real", marks=pytest.mark.models)])
def bot(
    request: pytest.FixtureRequest,
    open_shop: Callable[[Path], AbstractContextManager[Path]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bot]:
    """The tiny shop's bot with the tiny encoder, or with the fetched one."""
    folder = tmp_path_factory.mktemp(f"bot-{request.param}")
    with open_shop(folder / "project") as project:
        settings = load(project / "deskloop.yaml")
        if request.param == "real":
            model = settings.model.model_copy(update={"encoder": str(fetched_encoder())})
            settings = settings.model_copy(update={"model": model})
        built(folder, settings)
    made = Bot.load(folder / "bundle", settings)
    yield made
    made.close()


def fetched_encoder() -> Path:
    """Folder of the real encoder; skips where it was not fetched."""
    try:
        return encoder_path(Settings(models=load().models_dir))
    except BadInput as error:
        pytest.skip(str(error))


def built(folder: Path, settings: Settings) -> None:
    """What the stages make, in their order; the generator is the base as it is."""
    data = prepare([sources.read(source, settings) for source in settings.sources], settings)
    messages, encoder = data.messages, SentenceEncoder.load(encoder_path(settings))
    train = messages.loc[messages["split"] == "train", "text"].tolist()
    parts = {name: folder / name for name in ("tfidf", "words", "vectors", "index", "intents", "generator")}
    for part in parts.values():
        part.mkdir()
    Tfidf.fit(train).save(parts["tfidf"])
    WordVectors.train(train, settings.model.seed, 5).save(parts["words"])
    save_vectors(encoder.encode(messages["text"].tolist()), parts["vectors"])
    SearchIndex.from_frames(data.knowledge, messages, encoder).save(parts["index"])
    features = learning.featurizer(parts["tfidf"], parts["words"], settings)
    model, _ = learning.intents(messages, parts["vectors"], features, settings)
    assert model is not None
    model.save(parts["intents"])
    export_int8(base_path(settings), parts["generator"] / "generator-int8")
    (folder / "bundle").mkdir()
    given = {name: parts[name] for name in ("generator", "index", "intents")} | {"encoder": encoder_path(settings)}
    bundle.assemble(folder / "bundle", given, messages, settings)
    write_manifest(folder / "bundle")


def save_vectors(vectors: Any, folder: Path) -> None:
    """As the stage of the sentence vectors does."""
    from safetensors.numpy import save_file

    save_file({"vectors": vectors}, folder / "vectors.safetensors")
