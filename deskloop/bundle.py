"""Puts a bundle together from the parts that training made: one folder that answers by itself.

Knows the layout and how thresholds are set; nothing about where bundles are kept.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from deskloop import confidence, drift
from deskloop.bot import Bot, thresholds
from deskloop.features.index import SearchIndex
from deskloop.features.sentence import TRAINABLE, SentenceEncoder
from deskloop.intents import IntentModel
from deskloop.scorecard import conversation
from deskloop.settings import Settings
from deskloop.usual import usual_intents


def assemble(folder: Path, parts: Mapping[str, Path], messages: pd.DataFrame, settings: Settings) -> None:
    """Fill `folder` from `parts` (generator, encoder, index, and intents where there are labels).

    Thresholds are set on the validation split; the drift reference is what the model did not learn from.
    """
    link_tree(parts["generator"], folder)
    for name in ("encoder", "index", "intents"):
        if name in parts:
            link_tree(parts[name], folder / name, without=TRAINABLE)
    bot = _bot(folder, settings)
    held = messages[messages["split"] == "validation"].to_dict("records")
    bot = replace(bot, agreement=agreement(messages))
    bot = replace(bot, confidence=_calibrated(bot, held, settings))
    policy = "retrieve" if settings.model.answer_policy == "retrieve" else "generate"
    text = json.dumps(thresholds(bot.confidence, bot.agreement, policy), indent=1, sort_keys=True)
    (folder / "thresholds.json").write_text(text, "utf-8")
    _reference(bot, messages).save(folder / "reference")


def link_tree(source: Path, target: Path, without: str | None = None) -> None:
    """Copy a folder's files by hard links where the file system allows.

    The part's manifest is left out, and the folder `without` at its top.
    """
    for file in sorted(p for p in source.rglob("*") if p.is_file() and p != source / "manifest.json"):
        inside = file.relative_to(source)
        if inside.parts[0] == without:
            continue
        to = target / inside
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, to)
        except OSError:
            shutil.copy2(file, to)


def _bot(folder: Path, settings: Settings) -> Bot:
    """The bot without its generator: what thresholds need."""
    encoder = SentenceEncoder.load(folder / "encoder")
    intents = IntentModel.load(folder / "intents", encoder) if (folder / "intents").is_dir() else None
    index = SearchIndex.load(folder / "index", encoder)
    return Bot(index, intents, None, confidence.Confidence(), {}, "retrieve", settings)


def agreement(messages: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Which intents each entry has answered, over the training split."""
    rows = messages[(messages["split"] == "train") & messages["intent"].notna() & messages["knowledge_id"].notna()]
    return usual_intents(list(zip(rows["knowledge_id"], rows["intent"], strict=True)))


def _calibrated(bot: Bot, held: Sequence[Mapping[Any, Any]], settings: Settings) -> confidence.Confidence:
    """Confidence that the top entry is the gold one; a question that no entry answers counts as not."""
    if not any(row["knowledge_id"] for row in held):
        return confidence.Confidence()
    readings = bot.read_many([conversation(row) for row in held])
    right = [bool(r.hits) and r.hits[0].id == row["knowledge_id"] for r, row in zip(readings, held, strict=True)]
    return confidence.fit([r.signals for r in readings], right, settings.model.max_wrong, settings.model.seed)


def _reference(bot: Bot, messages: pd.DataFrame) -> drift.Sample:
    rows = messages[(messages["split"] != "train") & ~messages["synthetic"].astype(bool)].to_dict("records")
    planned = list(zip(rows, bot.plan_many([conversation(row) for row in rows]), strict=True)) if rows else []
    # small talk is no part of the live window either
    seen = [(row["text"], plan) for row, plan in planned if plan.kind != "smalltalk"]
    texts, plans = [text for text, _ in seen], [plan for _, plan in seen]
    return drift.sample(
        texts,
        bot.index.encoder.encode(texts),
        [p.intent for p in plans],
        [p.confidence for p in plans],
        [p.kind for p in plans],
    )
