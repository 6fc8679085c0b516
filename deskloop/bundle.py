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

from deskloop import confidence, drift, policy, rightness, usual
from deskloop.bot import Bot
from deskloop.features.index import SearchIndex
from deskloop.features.sentence import TRAINABLE, SentenceEncoder
from deskloop.intents import IntentModel
from deskloop.plan import Reading
from deskloop.rehearsal import rehearse
from deskloop.scorecard import conversation
from deskloop.settings import Settings

LEARNT = "learnt-from"  # in a bundle: digest of the messages that its generator learnt from


def assemble(folder: Path, parts: Mapping[str, Path], messages: pd.DataFrame, settings: Settings) -> None:
    """Fill `folder` from `parts` (generator, encoder, index, the data card; intents and topics where there are any).

    Thresholds are set on the validation split and on rehearsed training questions; the drift reference is what
    the model did not learn from.
    """
    link_tree(parts["generator"], folder)
    for name in ("encoder", "index", "intents", "topics"):
        if name in parts:
            link_tree(parts[name], folder / name, without=TRAINABLE)
    if "card" in parts:
        shutil.copy2(parts["card"], folder / parts["card"].name)
    bot = _bot(folder, settings)
    held = messages[messages["split"] == "validation"].to_dict("records")
    bot = settled(bot, messages, settings)
    chosen = policy.choose(folder / "generator-int8", bot, held, settings)
    bot = replace(bot, fullness=chosen.fullness, manner=chosen.manner)
    text = json.dumps(thresholds(bot, chosen.name, chosen.as_dict()), indent=1, sort_keys=True)
    (folder / "thresholds.json").write_text(text, "utf-8")
    _reference(bot, messages).save(folder / "reference")


def link_tree(source: Path, target: Path, without: str | None = None, link: bool = True) -> None:
    """Copy a folder's files by hard links where the file system allows and `link` does.

    The part's manifest is left out, and the folder `without` at its top.
    """
    for file in sorted(p for p in source.rglob("*") if p.is_file() and p != source / "manifest.json"):
        inside = file.relative_to(source)
        if inside.parts[0] == without:
            continue
        to = target / inside
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            if not link:  # a copy that somebody may edit must not reach the original
                raise OSError
            os.link(file, to)
        except OSError:
            shutil.copy2(file, to)


def _bot(folder: Path, settings: Settings) -> Bot:
    """The bot without its generator: what thresholds need."""
    encoder = SentenceEncoder.load(folder / "encoder")
    intents = IntentModel.load(folder / "intents", encoder) if (folder / "intents").is_dir() else None
    index = SearchIndex.load(folder / "index", encoder)
    return Bot(index, intents, None, confidence.Confidence(), {}, "retrieve", settings)


def thresholds(bot: Bot, policy: str, why: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Content of a bundle's thresholds.json. `why` the policy was chosen is for people."""
    told = {"confidence": bot.confidence.as_dict(), "agreement": bot.agreement, "likely": bot.likely}
    told |= {"temperature": bot.temperature, "fullness": bot.fullness, "manner": sorted(bot.manner)}
    return told | {"policy": policy, "why": dict(why or {})}


def settled(bot: Bot, messages: pd.DataFrame, settings: Settings, made: Sequence[SearchIndex] = ()) -> Bot:
    """The bot with what it learns from messages beside its parts: usual intents, what they count, and its confidence.

    `made`: the indexes that a rehearsal needs, if they are there already.
    """
    held = messages[messages["split"] == "validation"].to_dict("records")
    bot = replace(bot, agreement=usual.learnt(messages))
    bot = _opinions(bot, held)
    read = bot.read_many([conversation(row) for row in held]) if held else []
    asked = [*zip(held, read, strict=True), *rehearse(bot, messages, settings.effort, made)]
    return replace(bot, confidence=_calibrated(bot, asked, settings))


def _opinions(bot: Bot, held: Sequence[Mapping[Any, Any]]) -> Bot:
    """With how much the classifier's word on the entries counts, and how sure both are of an intent together."""
    if bot.intents is None or not held:
        return bot
    labels = bot.intents.labels
    shares, _ = bot.intents.scores([row["text"] for row in held], [row.get("previous") or "" for row in held])
    found = [reading.hits for reading in bot.read_many([conversation(row) for row in held])]
    named = [i for i, row in enumerate(held) if isinstance(row["knowledge_id"], str)]
    told = [i for i, row in enumerate(held) if row["intent"] in labels]

    def of(rows: Sequence[int], gold: str) -> tuple[Any, ...]:
        return [found[i] for i in rows], shares[rows], labels, bot.agreement, [held[i][gold] for i in rows]

    return replace(
        bot, likely=usual.weight(*of(named, "knowledge_id")), temperature=usual.temperature(*of(told, "intent"))
    )


def _calibrated(
    bot: Bot, asked: Sequence[tuple[Mapping[Any, Any], Reading]], settings: Settings
) -> confidence.Confidence:
    """Confidence that the top entry, or one of the best two, is right; a question that no entry answers has none."""
    known = rightness.known(pd.DataFrame([row for row, _ in asked])) if asked else ()
    asked = [pair for pair, judged in zip(asked, known, strict=True) if judged]
    if not asked:
        return confidence.Confidence()
    rows, readings = zip(*asked, strict=True)
    first, second = (rightness.right(rows, readings, at, bot.index.encoder) for at in (0, 1))
    golden = [_gold(row, reading, found) for row, reading, found in zip(rows, readings, first, strict=True)]
    missing = {
        i: bot.without(reading, gold) for i, (reading, gold) in enumerate(zip(readings, golden, strict=True)) if gold
    }
    model = settings.model
    signals = [reading.signals for reading in readings]
    return confidence.fit(signals, first, model.max_wrong, model.seed, missing, second, model.max_unknown)


def _gold(row: Mapping[Any, Any], reading: Reading, first: bool) -> str | None:
    """Id of the entry that answers, as far as it is known."""
    if isinstance(row["knowledge_id"], str):
        return str(row["knowledge_id"])
    return reading.hits[0].id if first else None


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
