"""Which written sentences are shown, and what is shown instead of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deskloop.bot import Bot
from deskloop.confidence import Confidence
from deskloop.grounds import manner
from deskloop.plan import Plan
from deskloop.records import Source
from deskloop.settings import Settings, Shop


def source(question: str, answer: str) -> Source:
    return Source(id=question, question=question, answer=answer, url=None, score=1.0)


LOST = source("Is my parcel lost?", "After five working days without a trace the parcel counts as lost.")
STOP = source("Can you stop a parcel?", "Once it is sent it cannot be stopped; refuse it at the door.")
PAGE = source("Is it lost?", "After five working days the parcel counts as lost. Then we send a new one free.")
LATE = source("My order is late.", "I am sorry that your order is late. I look into the delay for you at once.")
KIND = frozenset({"sorry about that.", "hear"})


def answered(
    *sources: Source, written: str, asked: str = "Where is it?", name: str = "Larkfell Outdoor",
    usual: frozenset[str] = KIND, least: float = 0.0,
) -> str:  # fmt: skip
    bot = Bot(None, None, None, Confidence(), {}, "generate", Settings(shop=Shop(name=name)))  # type: ignore[arg-type]
    bot = replace(bot, manner=usual, fullness=least)
    return bot.finish(Plan("generate", asked, None, 1.0, 1.0, sources, None), written).text


def test_what_only_another_page_says_does_not_slip_in() -> None:
    assert answered(LOST, STOP, written="Refuse the parcel at the door.") == LOST.answer
    assert answered(LOST, STOP, written="A parcel without a trace counts as lost.").startswith("A parcel without")


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("The code is right so it must be the mail, which I made up.", "The code is right so it must be the mail."),
        ("Where is it?", "We send parcels in one or two friendly sentences, using only these notes."),
        ("I have a complaint.", "I am sorry, but I am not here to help you with your complaint."),
        ("Is the regulator dangerous?", "Yes, the regulator is dangerous."),
        ("Can it be lost?", "Yes, it can."),
    ],
)
def test_an_echo_of_the_question_or_the_prompt_and_an_invented_claim_are_not_shown(asked: str, written: str) -> None:
    assert answered(LOST, written=written, asked=asked) == LOST.answer


@pytest.mark.parametrize("opener", ["Yes, ", "No: ", "Ja, ", "Oui, ", "Sí, ", "Nee - "])
def test_a_yes_or_no_that_the_page_does_not_say_is_left_out(opener: str) -> None:
    assert answered(LOST, written=f"{opener}a parcel without a trace counts as lost.").startswith("A parcel")


NORWAY = source("Do you ship to Norway?", "Yes, we ship to Norway by courier.")


def test_a_yes_that_the_page_says_is_kept_for_who_asks_the_same_and_never_turned_to_no() -> None:
    asked = "do you ship to Norway"
    assert answered(NORWAY, written="Yes, by courier to Norway.", asked=asked) == "Yes, by courier to Norway."
    assert answered(NORWAY, written="No, by courier to Norway.", asked=asked) == "By courier to Norway."
    assert answered(NORWAY, written="Yes, by courier.", asked="Is Norway excluded?") == "By courier."


@pytest.mark.parametrize("asked", ["Don't you ship to Norway?", "Is Norway excluded?"])
def test_a_page_that_says_yes_tells_to_what_unless_that_was_asked(asked: str) -> None:
    assert answered(NORWAY, written="", asked="Do you ship to Norway?") == NORWAY.answer
    assert answered(NORWAY, written="", asked=asked) == f"{NORWAY.question}\n{NORWAY.answer}"
    assert answered(LOST, written="", asked=asked) == LOST.answer


def test_nothing_is_denied_that_neither_page_nor_customer_denies() -> None:
    page = source("Do you ship to Norway?", "We ship to Norway and Sweden within five days.")
    assert answered(page, written="We do not ship within days.") == page.answer


def test_a_denial_that_a_page_opens_with_is_not_left_out() -> None:
    page, asked = source("Add it?", "Not to the order itself. Within 2 hours you can cancel and order again."), "add"
    assert answered(page, written="You can order it: within 2 hours order again.", asked=asked) == page.answer
    whole = "You can not add it to the order itself. Within 2 hours you can cancel and order again."
    assert answered(page, written=whole, asked=asked) == whole
    assert answered(page, written=f"Sorry about that. {whole}", asked=asked) == f"Sorry about that. {whole}"


def test_the_teams_own_courtesy_may_open_an_answer_once() -> None:
    whole = f"Sorry about that. {LOST.answer}"
    assert answered(LOST, written=f"Sorry about that. I am sorry about that. {LOST.answer}") == whole
    assert answered(LOST, written="Sorry about that. I am sorry about that.") == whole
    assert answered(LOST, written=whole, usual=frozenset()) == LOST.answer


def test_a_page_that_says_sorry_itself_says_it_once() -> None:
    page = source("What if the wrong item came?", "Sorry! Keep the item and send a photo of its label.")
    assert answered(page, written=f"Sorry about that. {page.answer}") == page.answer
    assert answered(page, written=page.answer) == page.answer


def test_a_kind_word_alone_is_no_answer_so_the_page_goes_on() -> None:
    said = answered(LOST, written="I am sorry to hear that. We refund 500 euro.")
    assert said == f"I am sorry to hear that. {LOST.answer}"


def test_what_was_said_before_the_break_is_not_said_twice() -> None:
    said = answered(PAGE, written="After five working days your parcel counts as lost. You get 500 euro.")
    assert said == "After five working days your parcel counts as lost. Then we send a new one free."


def test_what_says_too_little_of_the_page_gives_way_to_it() -> None:
    half = "After five working days your parcel counts as lost."
    whole = f"Sorry about that. {half} Then we send you a new one free."
    assert answered(PAGE, written=half) == half
    assert answered(PAGE, written=half, least=0.9) == PAGE.answer
    assert answered(PAGE, written=whole, least=0.9) == whole


@pytest.mark.parametrize(("name", "shown"), [("Larkfell Outdoor", True), ("Other Shop", False)])
def test_a_shop_may_name_itself(name: str, shown: bool) -> None:
    written = "Thank you for writing to Larkfell Outdoor. I am sorry that your order is late."
    assert (answered(LATE, written=written, usual=frozenset({"writin"}), name=name) == written) is shown


def test_the_teams_manner_is_what_many_replies_add_to_page_and_question() -> None:
    plain = [("Where is it?", LOST, LOST.answer)] * 57
    kind = [("Where is it?", LOST, f"Sorry about that. I understand. {LOST.answer} Yes.")] * 3
    assert manner([*plain, *kind]) == {"sorry about that.", "unders"}
    assert manner([*plain, *kind[:2]]) == frozenset()
