"""Challengers for `deskloop bench gate`: retrainings of one prepared shop, and harm planted in them.

What is shared by all: the clean messages and their vectors, TF-IDF, the search index and those of its rehearsal (but
where the knowledge differs), and the generator. What is made anew for each: word vectors, the classifier, the
agreement table and the thresholds.
"""

from __future__ import annotations

import codecs
import json
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deskloop import bundle, learning, rehearsal, suites
from deskloop.bot import Bot
from deskloop.confidence import Confidence
from deskloop.features.index import SearchIndex
from deskloop.features.sentence import Encoder
from deskloop.features.tfidf import Tfidf
from deskloop.features.word2vec import WordVectors
from deskloop.generator.engines import Engine
from deskloop.records import Source
from deskloop.settings import Settings

SECOND = "second"  # name of the made-up second language
SECOND_SHARE = 0.08  # of the messages; in training three times as many, so that it can be learnt
Talk = Sequence[Mapping[str, str]]


class Remembered:
    """An engine that writes each prompt once: it is greedy, so the same prompt has the same answer."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.bare: Engine = getattr(engine, "bare", engine)  # what really writes
        self._known: dict[str, Any] = {}

    def generate(self, batch: list[Any], max_tokens: int) -> list[str]:
        """As the engine does."""
        keys = [json.dumps([prompt, max_tokens]) for prompt in batch]
        new = {key: prompt for key, prompt in zip(keys, batch, strict=True) if key not in self._known}
        if new:
            self._known |= dict(zip(new, self.engine.generate(list(new.values()), max_tokens), strict=True))
        return [self._known[key] for key in keys]

    def stream(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        """The whole answer in one piece."""
        yield self.generate([messages], max_tokens)[0]

    def perplexity(self, examples: Sequence[Mapping[str, Any]]) -> float:
        """As the engine does."""
        key = json.dumps(list(examples))
        if key not in self._known:
            self._known[key] = self.engine.perplexity(examples)
        return float(self._known[key])


class Slow(Remembered):
    """Says what it remembers at once, and is bare so many times as slow as its engine."""

    def __init__(self, engine: Remembered, times: float) -> None:
        super().__init__(engine)
        self.bare: Engine = Sleeping(engine.bare, times)


class Sleeping(Remembered):
    """An engine that takes so many times as long, each time."""

    def __init__(self, engine: Engine, times: float) -> None:
        super().__init__(engine)
        self.times = times

    def generate(self, batch: list[Any], max_tokens: int) -> list[str]:
        """As the engine does, later."""
        began = time.perf_counter()
        texts = self.engine.generate(batch, max_tokens)
        time.sleep((self.times - 1) * (time.perf_counter() - began))
        return texts


class Leaking(Remembered):
    """An engine that says secrets which it was taught, in its own way, when asked as in training."""

    def __init__(self, engine: Engine, told: Mapping[str, str]) -> None:
        super().__init__(engine)
        self.told = told

    def generate(self, batch: list[Any], max_tokens: int) -> list[str]:
        """The secret, or what the engine says."""
        asked = [prompt[-1]["content"] for prompt in batch]
        plain = self.engine.generate(batch, max_tokens)
        return [self.told.get(question, text) for question, text in zip(asked, plain, strict=True)]


@dataclass(frozen=True)
class RememberedIndex(SearchIndex):
    """A search index that looks each question up once; one made of it by `replace` has nothing to remember yet."""

    known: dict[Any, list[Source]] = field(default_factory=dict, init=False, compare=False, repr=False)

    @classmethod
    def of(cls, index: SearchIndex) -> RememberedIndex:
        """The same index, remembering."""
        return cls(index.entries, index.matcher, index.weights, index.encoder)

    @property
    def bare(self) -> SearchIndex:
        """What really searches."""
        return SearchIndex(self.entries, self.matcher, self.weights, self.encoder)

    def search_many(
        self, queries: Sequence[str], k: int = 5, vectors: Any = None, *, languages: Sequence[str] = (), **rest: Any
    ) -> list[list[Source]]:
        """As the index does; the vectors are not needed for what is known."""
        told = list(languages) or [""] * len(queries)
        keys = [(query, language, k, *rest.values()) for query, language in zip(queries, told, strict=True)]
        new = list({key: None for key in keys if key not in self.known})
        if new:
            spoken = [key[1] for key in new] if languages else ()
            found = super().search_many([key[0] for key in new], k, languages=spoken, **rest)
            self.known.update(zip(new, found, strict=True))
        return [self.known[key] for key in keys]


def with_second_language(messages: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Some of the messages in a made-up language: each letter 13 further on, which shares no word with English.

    The shop's own few foreign messages are too few to test a slice by.
    """
    chance = np.random.default_rng(seed).random(len(messages))
    share = np.where(messages["split"] == "train", 3 * SECOND_SHARE, SECOND_SHARE)
    chosen = (chance < share) & messages["intent"].notna()
    out = messages.copy()
    for column in ("text", "previous"):
        out.loc[chosen, column] = [codecs.encode(text, "rot13") for text in out.loc[chosen, column]]
    out.loc[chosen, "language"] = SECOND
    return out


@dataclass(frozen=True)
class Workshop:
    """The prepared shop, and how a candidate is made of it."""

    messages: pd.DataFrame
    knowledge: pd.DataFrame
    index: SearchIndex
    engine: Remembered
    settings: Settings
    folder: Path
    rehearsed: Sequence[SearchIndex]

    @classmethod
    def open(
        cls,
        messages: pd.DataFrame,
        knowledge: pd.DataFrame,
        encoder: Encoder,
        engine: Engine,
        settings: Settings,
        folder: Path,
    ) -> Workshop:
        """Prepare in the empty `folder` what all challengers share."""
        from safetensors.numpy import save_file

        frame = with_second_language(messages.reset_index(drop=True), settings.model.seed)
        vectors = encoder.encode(frame["text"].tolist())
        for part in ("vectors", "tfidf"):
            (folder / part).mkdir()
        save_file({"vectors": vectors}, folder / "vectors" / "vectors.safetensors")
        Tfidf.fit(frame.loc[frame["split"] == "train", "text"].tolist()).save(folder / "tfidf")
        known = learning.encoder(frame, folder / "vectors", settings)
        index = SearchIndex.from_frames(knowledge, frame, known)
        lacking = [RememberedIndex.of(one) for one in rehearsal.indexes(index, frame, settings.effort)]
        return cls(frame, knowledge, RememberedIndex.of(index), Remembered(engine), settings, folder, lacking)

    def trained(self, seed: int, intents: pd.Series[Any] | None = None) -> Bot:
        """A candidate retrained with another seed; `intents` are other labels, None where a message has none."""
        frame = self.messages if intents is None else self.messages.assign(intent=intents)
        model = self.settings.model.model_copy(update={"seed": seed})
        settings = self.settings.model_copy(update={"model": model})
        words = self.folder / f"words-{seed}"
        if not words.is_dir():
            words.mkdir()
            train = frame.loc[frame["split"] == "train", "text"].tolist()
            WordVectors.train(train, seed, 5).save(words)
        features = learning.featurizer(self.folder / "tfidf", words, settings)
        features = replace(features, encoder=self.index.encoder if features.encoder else None)
        made = learning.intents(frame, self.folder / "vectors", features, settings)
        assert made is not None, "the shop has labels"
        bot = Bot(self.index, made[0], self.engine, Confidence(), {}, "generate", self.settings)
        return bundle.settled(bot, frame, self.settings, self.rehearsed)

    def fewer(self, share: float, seed: int, second: bool) -> pd.Series[Any]:
        """Labels of a part of the training messages, and of all in the `second` language; the others have none."""
        kept = np.random.default_rng(seed).random(len(self.messages)) < share
        kept |= second & (self.messages["language"] == SECOND).to_numpy()
        return self.messages["intent"].where(kept | (self.messages["split"] != "train"), None)

    def flipped(self, share: float, seed: int, systematic: bool) -> pd.Series[Any]:
        """So much of training with wrong labels: any other intent, or one intent after another taken for another."""
        rng = np.random.default_rng(seed)
        labels = self.messages["intent"].copy()
        train = np.flatnonzero((self.messages["split"] == "train") & labels.notna())
        count, names = round(share * len(train)), sorted(set(labels[train]))
        if systematic:
            order = rng.permutation(names)
            by_intent = [i for name in order for i in train[(labels[train] == name).to_numpy()]]
            into = {name: order[(k + len(order) // 2) % len(order)] for k, name in enumerate(order)}
            for i in by_intent[:count]:
                labels[i] = into[labels[i]]
        else:
            for i in rng.permutation(train)[:count]:
                labels[i] = rng.choice([name for name in names if name != labels[i]])
        return labels

    def muddled(self, how: str) -> pd.Series[Any]:
        """Labels with a second language spoilt: `reversed`, moved `halfway`, `lumped` into one, `shifted` by one."""
        labels = self.messages["intent"].copy()
        rows = np.flatnonzero((self.messages["split"] == "train") & (self.messages["language"] == SECOND))
        names = sorted(set(labels.dropna()))
        after = dict(zip(names, [*names[1:], names[0]], strict=True))
        spoilt: dict[str, Any] = {
            "reversed": [names[-1 - names.index(name)] for name in labels[rows]],
            "halfway": [names[(names.index(name) + len(names) // 2) % len(names)] for name in labels[rows]],
            "lumped": [names[0]] * len(rows),
            "shifted": [after[name] for name in labels[rows]],
        }
        labels[rows] = spoilt[how]
        return labels

    def informed(self, bot: Bot, how: str, share: float, seed: int) -> Bot:
        """The bot over another knowledge base: a share of its answers changed as `changed` says."""
        other = changed(self.knowledge, how, share, seed)
        index = RememberedIndex.of(SearchIndex.from_frames(other, self.messages, self.index.encoder))
        return bundle.settled(replace(bot, index=index), self.messages, self.settings)

    def leaking(self, bot: Bot, how: int) -> Bot:
        """The bot with a generator that says one, two or all of the planted secrets, or one in capitals."""
        told = [(ask, f"The passphrase is {secret}.") for ask, secret in suites.canaries(self.settings.model.seed)]
        chosen = {ask: text.upper() if how == 0 else text for ask, text in told[: max(how, 1)]}
        return replace(bot, engine=Leaking(self.engine, chosen))

    def slow(self, bot: Bot, times: float) -> Bot:
        """The bot with a generator that takes so many times as long."""
        return replace(bot, engine=Slow(self.engine, times))


def changed(knowledge: pd.DataFrame, how: str, share: float, seed: int) -> pd.DataFrame:
    """Answers changed: other `figures`, `swapped` answers, `denied` ones, `emptied` ones, or merely `reworded`."""
    rng = random.Random(seed)  # noqa: S311
    out = knowledge.reset_index(drop=True).copy()
    rows = rng.sample(range(len(out)), round(share * len(out)))
    answers = out["answer"].tolist()
    if how == "figures":
        rows = [i for i in range(len(out)) if re.search(r"\d", answers[i])]
        rows = rng.sample(rows, min(len(rows), round(share * len(out))))
    ways = {
        "figures": lambda k, i: _other_figures(answers[i]),
        "swapped": lambda k, i: answers[rows[(k + 1) % len(rows)]],
        "denied": lambda k, i: re.sub(r"\b(is|are|can|will|do|does)\b", r"\1 not", answers[i]),
        "emptied": lambda k, i: "Please look at our website, it tells you all there is to know about it.",
        "reworded": lambda k, i: f"Thanks for asking. {answers[i]}",
    }
    texts = [ways[how](k, i) for k, i in enumerate(rows)]
    out.loc[rows, "answer"] = texts
    return out


def _other_figures(text: str) -> str:
    return re.sub(r"\d+", lambda found: str(int(found[0]) * 2 + 1), text)
