"""The sample shop's clean tables, made in a folder of their own, for benches that need a team's data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from deskloop.features.index import SearchIndex
from deskloop.settings import Settings


@dataclass(frozen=True)
class Shop:
    """Messages and knowledge after preprocessing, the index over them, and the shop's own settings."""

    messages: pd.DataFrame
    knowledge: pd.DataFrame
    index: SearchIndex
    settings: Settings

    def examples(self, split: str) -> list[dict[Any, Any]]:
        """Chat examples of a split, as fine-tuning gets them."""
        from deskloop.generator.examples import examples

        settings = self.settings
        return examples(self.messages, self.knowledge, self.index, settings.shop.name, settings.model.seed, split)


def make(folder: Path, settings: Settings) -> Shop:
    """Read, clean and index the shop below the empty `folder`, with the models of `settings`."""
    from deskloop import demo, sources
    from deskloop.demo.project import copy_raw
    from deskloop.demo.site import serve
    from deskloop.features.sentence import SentenceEncoder
    from deskloop.generator.base import encoder_path
    from deskloop.prepare import prepare
    from deskloop.settings import load

    copy_raw(folder, "http://127.0.0.1")  # the site must lie there before it can be served
    with serve(folder / "site") as url:
        port = int(url.rstrip("/").rsplit(":", 1)[1])
        copy_raw(folder, url)
        config = folder / "deskloop.yaml"
        config.write_text(demo.configuration(port, settings.models_dir), "utf-8")
        ours = load(config).model_copy(update={"home": folder / "home", "database_url": "", "model": settings.model})
        prepared = prepare([sources.read(source, ours) for source in ours.sources], ours)
    encoder = SentenceEncoder.load(encoder_path(settings))
    index = SearchIndex.from_frames(prepared.knowledge, prepared.messages, encoder)
    return Shop(prepared.messages, prepared.knowledge, index, ours)
