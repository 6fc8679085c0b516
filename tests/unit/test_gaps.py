"""What no entry answers is grouped, counted and drafted; what an entry answers, or nobody replied to, is left out."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from deskloop import gaps, sources
from deskloop.bot import Bot
from deskloop.confidence import Confidence
from deskloop.features.index import SearchIndex
from deskloop.features.tiny import TinyEncoder
from deskloop.origins import FilesSource
from deskloop.records import KnowledgeEntry
from deskloop.settings import Settings

WRAP = "Yes, gift wrapping with a ribbon and a card is 3 euro for each parcel."
ENGRAVE = "Engraving a knife takes one week; twelve letters fit on the blade."
THINGS = ("tent", "stove", "mug", "rope", "lamp", "bag", "mat", "pole", "cap", "knife", "boot", "sock", "belt", "hat")


def message(number: int, text: str, reply: str, **more: Any) -> dict[str, Any]:
    blank = {"previous": "", "intent": None, "knowledge_id": None, "language": "en", "split": "train"}
    rest = {"synthetic": False, "core_id": None, "channel": "chat", "source": "chats", "newcomer": None}
    return (
        {"id": f"m{number}", "text": text, "reply": reply, "at": f"2026-01-{1 + number % 28:02d}"}
        | blank
        | rest
        | more
    )


@pytest.fixture(scope="module")
def bot() -> Bot:
    entry = KnowledgeEntry(id="return", question="How do I return something?", answer="Within 30 days.", source="faq")
    return Bot(
        SearchIndex.build([entry], TinyEncoder()), None, None, Confidence(threshold=0.99), {}, "retrieve", Settings()
    )


@pytest.fixture(scope="module")
def found(bot: Bot) -> dict[str, Any]:
    asked = [(f"Could you gift wrap the {thing} with a ribbon and a card?", WRAP) for thing in THINGS]
    asked += [(f"Could you gift wrap my {thing}, ribbon and card too?", WRAP) for thing in THINGS]
    asked += [(f"Can letters be engraved on the blade of the {thing}?", ENGRAVE) for thing in THINGS]
    rows = [message(n, *pair) for n, pair in enumerate(asked)]
    rows += [
        message(90, "How do I return something?", "Within 30 days.", knowledge_id="return"),
        message(91, "Where do you stand on Pluto?", "", intent=None),
        message(92, "Could you gift wrap the sun?", WRAP, synthetic=True),
        message(93, "What is the capital of Peru?", "We sell tents.", intent="out_of_scope"),
        message(94, "Can I talk to a person?", "Of course."),
    ]
    return gaps.find(bot, pd.DataFrame(rows), minutes=6, seed=0)


def test_alike_questions_that_no_entry_answers_are_one_gap_each(found: dict[str, Any]) -> None:
    assert (found["read"], found["unanswered"]) == (43, 42)
    assert [(gap["questions"], gap["draft"]) for gap in found["gaps"]] == [(28, WRAP), (14, ENGRAVE)]
    assert found["gaps"][0]["hours"] == 2.8 and found["gaps"][0]["alike"] == pytest.approx(1.0, abs=1e-3)
    assert "gift wrap" in found["gaps"][0]["question"]
    assert "28" in gaps.told(found) and "ribbon" in gaps.told(found)


def test_drafts_answer_nobody_before_a_person_approves_them(found: dict[str, Any], tmp_path: Any) -> None:
    file = tmp_path / "drafts.jsonl"
    file.write_text(gaps.drafts(found["gaps"]), "utf-8")
    source = FilesSource(kind="files", name="drafts", path=file, content="knowledge")
    read = sources.read(source, Settings(home=tmp_path, sources=(source,)))
    assert [entry.approved for entry in read.knowledge] == [False, False]
    rows = [json.loads(line) | {"approved": True} for line in file.read_text("utf-8").splitlines()]
    file.write_text("\n".join(map(json.dumps, rows)))
    read = sources.read(source, Settings(home=tmp_path, sources=(source,)))
    assert [(entry.answer, entry.approved) for entry in read.knowledge] == [(WRAP, True), (ENGRAVE, True)]


def test_where_everything_is_answered_there_is_no_gap(bot: Bot) -> None:
    rows = [message(1, "How do I return something?", "Within 30 days.", knowledge_id="return")]
    assert gaps.find(bot, pd.DataFrame(rows), minutes=6, seed=0)["gaps"] == []
