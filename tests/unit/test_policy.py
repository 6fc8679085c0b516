"""What written answers keep to is learnt from the team's replies; and it holds while an answer is streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deskloop import policy
from deskloop.bot import Bot
from deskloop.bundle import thresholds
from deskloop.confidence import Confidence
from deskloop.features.index import SearchIndex
from deskloop.features.tiny import TinyEncoder
from deskloop.plan import Plan
from deskloop.records import KnowledgeEntry
from deskloop.settings import Settings

HALF = "Open My Orders, choose return, print the label and hand the parcel in at a pick-up point."
PAGE = f"{HALF} Money comes back within 5 working days."
ASKED = "How do I return boots?"
TALK = [{"role": "user", "content": ASKED}]


class Scripted:
    """A generator that says one text, word by word."""

    def __init__(self, text: str) -> None:
        self.text = text

    def stream(self, messages: Any, max_tokens: int) -> Iterator[str]:
        """Pieces of the text."""
        yield from (f"{word} " for word in self.text.split())


@pytest.fixture(scope="module")
def bot() -> Bot:
    entry = KnowledgeEntry(id="return", question="How do I return something?", answer=PAGE, source="faq")
    index = SearchIndex.build([entry], TinyEncoder())
    return Bot(index, None, None, Confidence(threshold=0.0), {}, "generate", Settings())


def learnt(bot: Bot, reply: str, written: str) -> Bot:
    plan = Plan("generate", ASKED, None, 1.0, 1.0, bot.plan(TALK).sources, None)
    return policy.learnt(bot, [plan] * 20, [reply] * 20, [written] * 8)


def test_a_team_that_repeats_its_pages_shows_no_half_of_one(bot: Bot) -> None:
    assert learnt(bot, PAGE, HALF).fullness == 1.0


def test_a_team_that_says_part_of_a_page_in_its_manner_may_be_written_for_so(bot: Bot) -> None:
    reply = f"Wonderful that you write. {HALF}"
    found = learnt(bot, reply, reply)
    assert found.fullness < 1 and found.manner == {"wonder", "write"}
    assert found.finish(bot.plan(TALK), reply).text == reply


def test_what_is_learnt_is_kept_with_the_bundles_thresholds(bot: Bot) -> None:
    told = thresholds(learnt(bot, f"Wonderful. {HALF}", HALF), "generate")
    assert told["manner"] == ["wonder"] and told["fullness"] < 1


@pytest.mark.parametrize("least", [1.0, 0.0])
@pytest.mark.parametrize("text", [HALF, PAGE, f"Yes. {PAGE} It is a pleasure.", "We refund 90 euro.", ""])
def test_what_is_streamed_is_what_is_answered_and_what_a_finished_text_gives(
    bot: Bot, text: str, least: float
) -> None:
    writing = replace(bot, engine=Scripted(text), fullness=least)  # type: ignore[arg-type]
    *pieces, last = writing.stream(TALK)
    assert "".join(map(str, pieces)).strip() == last.text == writing.finish(writing.plan(TALK), text).text  # type: ignore[union-attr]
    assert last.text == (HALF if text == HALF and not least else PAGE)  # type: ignore[union-attr]


@pytest.mark.parametrize(("configured", "name"), [("auto", "retrieve"), ("generate", "generate")])
def test_too_few_questions_to_compare_show_the_entries_own_words_unless_configured(
    bot: Bot, configured: str, name: str, tmp_path: Path
) -> None:
    settings = Settings.model_validate({"model": {"answer_policy": configured}})
    rows = [{"id": str(n), "text": ASKED, "previous": "", "reply": PAGE} for n in range(policy.FEWEST - 1)]
    assert policy.choose(tmp_path, bot, rows, settings).name == name
