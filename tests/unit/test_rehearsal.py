"""Training questions are asked of an index that has not learnt them, nor what was grown from them."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from deskloop.bot import Bot
from deskloop.confidence import SIGNALS, Confidence
from deskloop.features.blocks import Featurizer
from deskloop.features.index import SearchIndex
from deskloop.features.sentence import Remembering
from deskloop.features.tfidf import Tfidf
from deskloop.features.tiny import TinyEncoder
from deskloop.intents import IntentModel
from deskloop.records import KnowledgeEntry
from deskloop.rehearsal import _examples, _fifths, _remembering, rehearse
from deskloop.settings import Settings

TOPICS = ("tent", "stove", "rope", "boots")
ENTRIES = [
    KnowledgeEntry(id=t, question=f"Do you repair a {t}?", answer=f"Yes, a {t} within a week.", source="faq")
    for t in TOPICS
]


def row(core, text, topic, synthetic=False, split="train"):
    made = {"core_id": core, "text": text, "knowledge_id": topic, "synthetic": synthetic, "split": split}
    made["intent"] = topic
    return {"id": f"{core}{'-grown' * synthetic}#0", "previous": "", **made}


@pytest.fixture(scope="module")
def messages():
    rows = [row(f"c{i}", f"my {t} number {i} is torn, mend it", t) for i, t in enumerate(TOPICS * 10)]
    rows += [{**row(r["core_id"], f"{r['text']} please", r["knowledge_id"], synthetic=True)} for r in rows]
    return pd.DataFrame([*rows, row("late", "can the rope be mended", "rope", split="test")])


@pytest.fixture(scope="module")
def bot(messages):
    train = messages[messages["split"] == "train"]
    examples = {entry: rows["text"].tolist() for entry, rows in train.groupby("knowledge_id")}
    index = SearchIndex.build(ENTRIES, TinyEncoder(), examples)
    return Bot(index, None, None, Confidence(), {}, "retrieve", Settings())


def test_every_real_training_question_is_asked_once_and_no_other(bot, messages):
    asked = [r["id"] for r, _ in rehearse(bot, messages, "standard")]
    real = messages[(messages["split"] == "train") & ~messages["synthetic"]]
    assert sorted(asked) == sorted(real["id"])
    assert 0 < len(rehearse(bot, messages, "quick")) < len(asked)


def test_a_rehearsed_question_is_found_less_surely_than_a_learnt_one(bot, messages):
    rehearsed = [(r["text"], reading.hits[0].score) for r, reading in rehearse(bot, messages, "standard")]
    learnt = [bot.index.search(text, 1)[0].score for text, _ in rehearsed]
    assert sum(score for _, score in rehearsed) < sum(learnt)


def test_what_an_entry_usually_answers_is_not_known_from_the_asked_questions_themselves(bot, messages):
    texts = messages["text"].tolist()
    model = IntentModel.fit(texts, messages["intent"].tolist(), Featurizer(Tfidf.fit(texts), None, TinyEncoder()))
    labelled = messages.assign(intent=messages["intent"].where(_fifths(messages) == 0))
    read = rehearse(replace(bot, intents=model), labelled, "standard")
    agreed = {r["id"]: reading.signals[SIGNALS.index("agreement")] for r, reading in read}
    alone = labelled[labelled["intent"].notna()]["id"]
    assert max(agreed[i] for i in alone if i in agreed) == 0 < max(agreed.values())


def test_the_vectors_that_the_index_keeps_are_its_encoders(bot, messages):
    examples = _examples(messages[messages["split"] == "train"])
    known = _remembering(bot.index, examples)
    texts = [examples["rope"][0], examples["boots"][3], ENTRIES[2].question]
    assert isinstance(known, Remembering)
    assert known.encode(texts) == pytest.approx(bot.index.encoder.encode(texts), abs=1e-6)


def test_without_named_entries_there_is_nothing_to_rehearse(bot, messages):
    assert rehearse(bot, messages.assign(knowledge_id=None), "standard") == []
