"""Which sentences an answer may rest on its first source with."""

from __future__ import annotations

import pytest

from deskloop.bot import Bot, Plan
from deskloop.confidence import Confidence
from deskloop.grounds import holding, rests_on_first, sentences
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


def answered(source: Source, written: str, name: str = "Larkfell Outdoor") -> str:
    bot = Bot(None, None, None, Confidence(), {}, "generate", Settings(shop=Shop(name=name)))  # type: ignore[arg-type]
    return bot.finish(Plan("generate", "Is it lost?", None, 1.0, 1.0, (source,), None), written).text


def test_a_kind_word_alone_is_no_answer_so_the_page_goes_on() -> None:
    said = answered(LOST, "I am sorry to hear that. We refund 500 euro.")
    assert said == f"I am sorry to hear that. {LOST.answer}"


def test_what_was_said_before_the_break_is_not_said_twice() -> None:
    page = source("Is it lost?", "After five working days the parcel counts as lost. Then we send a new one free.")
    said = answered(page, "After five working days your parcel counts as lost. You get 500 euro.")
    assert said == "After five working days your parcel counts as lost. Then we send a new one free."


@pytest.mark.parametrize(("name", "shown"), [("Larkfell Outdoor", True), ("Other Shop", False)])
def test_a_shop_may_name_itself(name: str, shown: bool) -> None:
    written = "Thank you for writing to Larkfell Outdoor. I am sorry that your order is late."
    assert (answered(LATE, written, name) == written) is shown


def test_a_yes_or_no_that_the_page_does_not_say_is_not_shown() -> None:
    assert answered(STOP, f"Yes, {STOP.answer[0].lower()}{STOP.answer[1:]}") == STOP.answer
    assert answered(STOP, f"Yes, you can. {STOP.answer}") == STOP.answer
    plain = source("Are dogs allowed?", "Yes, dogs on a lead are welcome.")
    assert answered(plain, "Yes, dogs on a lead are welcome.") == plain.answer


@pytest.mark.parametrize(
    "empty",
    [
        "The password must be the other one, which I made up years ago.",
        "Sorry about that. I am sorry about that. I am sorry about that.",
        "I am sorry, but I am not here to help you.",
        "That is correct.",
    ],
)
def test_what_says_nothing_of_the_page_is_not_shown_but_for_kind_words_once(empty: str) -> None:
    kind = "Sorry about that. " if empty.startswith("Sorry") else ""
    assert answered(LOST, empty) == f"{kind}{LOST.answer}"
    assert answered(LOST, f"{empty} {LOST.answer}") == f"{kind}{LOST.answer}"


def test_what_says_too_little_of_the_page_gives_way_to_it() -> None:
    page = source("How do I wash it?", "Wash it at 30 degrees without softener. Then 20 minutes in the dryer.")
    half, whole = "You wash it at 30 degrees without softener.", f"Sorry about that. {page.answer}"
    for least, text, shown in ((0.0, half, half), (0.9, half, page.answer), (0.9, whole, whole)):
        told = "".join(holding(sentences([text]), [page], "Washing?", least=least)) or page.answer
        assert told == shown
