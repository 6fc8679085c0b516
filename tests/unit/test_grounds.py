"""Which sentences an answer may rest on its first source with."""

from __future__ import annotations

import pytest

from deskloop.bot import Bot, Plan
from deskloop.confidence import Confidence
from deskloop.grounds import rests_on_first
from deskloop.records import Source
from deskloop.settings import Settings, Shop


def source(question: str, answer: str) -> Source:
    return Source(id=question, question=question, answer=answer, url=None, score=1.0)


LOST = source("Is my parcel lost?", "After five working days without a trace the parcel counts as lost.")
STOP = source("Can you stop a parcel?", "Once it is sent it cannot be stopped; refuse it at the door.")
LATE = source("My order is late.", "I am sorry that your order is late. I look into the delay for you at once.")
DELAYED = source("Where is my late order?", "Sorry about the late order and its delay. I check the courier at once.")


def test_what_only_another_page_says_does_not_slip_in() -> None:
    assert not rests_on_first("Refuse the parcel at the door, it cannot be stopped.", [LOST, STOP])
    assert rests_on_first("A parcel without a trace counts as lost.", [LOST, STOP])


def test_past_answers_that_say_the_same_may_lend_each_other_words() -> None:
    assert rests_on_first("I check with the courier at once.", [LATE, DELAYED])
    assert not rests_on_first("I check with the courier at once.", [STOP, DELAYED])


@pytest.mark.parametrize(("name", "shown"), [("Larkfell Outdoor", True), ("Other Shop", False)])
def test_a_shop_may_name_itself(name: str, shown: bool) -> None:
    settings = Settings(shop=Shop(name=name))
    bot = Bot(None, None, None, Confidence(), {}, "generate", settings)  # type: ignore[arg-type]
    plan = Plan("generate", "My order is late", None, 1.0, 1.0, (LATE,), None)
    written = "Thank you for writing to Larkfell Outdoor. I am sorry that your order is late."
    answer = bot.finish(plan, written)
    assert (answer.text == written) is shown
