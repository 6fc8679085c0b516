"""What any bot must do, whatever its scores: minimum functionality, invariance, direction (Ribeiro et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from statistics import fmean

import pytest

from deskloop import courtesy
from deskloop.bot import Bot
from deskloop.plan import Plan, Reading
from deskloop.settings import Settings

IN_SCOPE = {
    "How long does delivery of the tent take?": "How long does delivery take?",
    "How do I get a refund for a backpack?": "How do I get a refund?",
    "How long is the warranty on the stove?": "How long is the warranty?",
    "Which payment methods can I use?": "Which payment methods are there?",
    "Where do I find the store?": "Where is the store?",
}
PARAPHRASED = {
    "What are the ways to pay?": "Which payment methods are there?",
    "I want to give it back and have my money again": "How do I get a refund?",
    "On which street is your shop?": "Where is the store?",
    "When will the postman bring it?": "How long does delivery take?",
    "It fell apart after half a year, is that covered?": "How long is the warranty?",
}
OFF_TOPIC = ("What is the capital of Mongolia?", "Write me a poem about cats", "zxqv wrrt plonk")
CHANGES: dict[str, Callable[[str], str]] = {
    "shouted": str.upper,
    "small letters": str.lower,
    "no question mark": lambda text: text.rstrip("?"),
    "blanks": lambda text: f"  {text.replace(' ', '   ')} ",
    "polite": lambda text: f"Hello, {text} Thank you!",
}


def plan(bot: Bot, *turns: str) -> Plan:
    """What the bot means to do with the last of a customer's messages."""
    return bot.plan([{"role": "user", "content": turn} for turn in turns])


def found(bot: Bot, *turns: str) -> str:
    """Question of the entry that search finds first."""
    reading = bot.read_many([[{"role": "user", "content": turn} for turn in turns]])[0]
    return reading.hits[0].question


@pytest.mark.parametrize("question", IN_SCOPE)
def test_minimum_a_plain_question_finds_its_entry(bot: Bot, question: str) -> None:
    assert found(bot, question) == IN_SCOPE[question]


def test_minimum_an_answer_says_what_the_entry_says(bot: Bot) -> None:
    asked = [{"role": "user", "content": "How long does delivery take?"}]
    answer = replace(bot, policy="retrieve").answer(asked)  # the generator was not taught
    assert answer.kind == "retrieve" and "2 to 3 working days" in answer.text
    assert answer.sources[0].question == "How long does delivery take?"


@pytest.mark.parametrize("text", ["I want to talk to a human", "connect me with a colleague please", "call me"])
def test_minimum_who_asks_for_a_person_gets_one(bot: Bot, text: str) -> None:
    assert plan(bot, "How long does delivery take?", text).kind == "handoff"


@pytest.mark.parametrize("text", ["Hello!", "thanks a lot", "good morning"])
def test_minimum_small_talk_is_no_question(bot: Bot, text: str) -> None:
    told = bot.finish(plan(bot, text))
    assert (told.kind, told.intent, told.confidence) == ("smalltalk", None, 1.0)


def test_minimum_who_chooses_an_offered_question_by_its_place_asks_it(bot: Bot) -> None:
    unsure = replace(bot, confidence=replace(bot.confidence, threshold=1.1, pair=None))
    asked = "How do I get a refund?"
    first, second, *_ = plan(unsure, asked).offered
    assert plan(unsure, asked, "the second one please").question == second.question
    assert found(unsure, asked, "1") == first.question
    assert plan(bot, "hello", "the second one please").question == "the second one please"


def test_direction_a_hello_after_a_hand_over_asks_for_the_colleague(bot: Bot) -> None:
    assert plan(bot, "I want to talk to a human", "hello?").reason == "waiting"
    assert plan(bot, "I want to talk to a human", "hello?", "???").reason == "waiting"
    assert plan(bot, "thanks", "hello?").reason == "greeting"
    assert plan(bot, *["hello?"] * 500).reason == "greeting"
    assert plan(bot, "thanks", "???").reason == "unclear"


def test_direction_who_tells_that_an_answer_did_not_help_gets_a_person_and_not_the_same_again(bot: Bot) -> None:
    sure = replace(bot, confidence=replace(bot.confidence, threshold=0.0))
    asked, told = "How long does delivery take?", "it has been in delivery for 9 days"
    assert sure.read_many([[{"role": "user", "content": told}]])[0].hits[0].question == asked
    assert plan(sure, told).kind == "retrieve"
    again = sure.finish(plan(sure, asked, told))
    assert (again.kind, again.reason, again.sources) == ("handoff", courtesy.TOLD, ())
    assert again.text == Settings().shop.handover_always
    assert (
        plan(sure, asked, "how long is delivery?").kind == plan(sure, "Where is the store?", told).kind == "retrieve"
    )


def test_a_talk_takes_one_decision_a_turn_whatever_each_rests_on(bot: Bot) -> None:
    class Counting(Bot):
        def plans(self, readings: Sequence[Reading]) -> list[Plan]:
            decided.extend(readings)
            return super().plans(readings)

    decided: list[Reading] = []
    unsure = replace(bot.confidence, threshold=1.1, pair=None)  # offers, and is asked by place, in every turn
    counting = Counting(**{**{f.name: getattr(bot, f.name) for f in fields(bot)}, "confidence": unsure})
    plan(counting, "How do I get a refund?", *["1"] * 11)
    assert len(decided) == 12


def test_direction_a_page_that_was_just_shown_is_not_offered(bot: Bot) -> None:
    asked, then = "How long does delivery take?", "delivery of that thing, when?"
    just, never = (
        replace(bot, confidence=replace(bot.confidence, threshold=t, pair=None)) for t in (sureness(bot, asked), 1)
    )
    assert asked in [entry.question for entry in plan(never, asked, then).offered]
    assert [entry.question for entry in plan(just, asked).shown] == [asked]
    assert not plan(just, asked, then).shown
    assert asked not in [entry.question for entry in plan(just, asked, then).offered]


@pytest.mark.parametrize("bot", ["real"], indirect=True)
@pytest.mark.models
def test_direction_an_ellipsis_that_the_entry_before_does_not_speak_of_is_no_question_of_its_own(bot: Bot) -> None:
    sure = replace(bot, confidence=replace(bot.confidence, threshold=0.0))
    assert plan(sure, "How long is the warranty?", "and Mars?").kind == "handoff"
    assert plan(sure, "and Mars?").kind == "retrieve"


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("question", IN_SCOPE)
def test_invariance_the_form_of_a_question_does_not_change_its_entry(bot: Bot, question: str, change: str) -> None:
    assert found(bot, CHANGES[change](question)) == found(bot, question)


def test_invariance_which_product_it_is_about_does_not_matter(bot: Bot) -> None:
    asked = [f"How can I return a {thing} and be refunded?" for thing in ("tent", "headlamp", "kayak", "blue scarf")]
    assert {found(bot, question) for question in asked} == {"How do I get a refund?"}


def test_invariance_the_others_in_a_batch_do_not_matter(bot: Bot) -> None:
    asked = [[{"role": "user", "content": text}] for text in (*IN_SCOPE, *OFF_TOPIC)]
    alone, together = [bot.plan(talk) for talk in asked], bot.plan_many(asked)
    assert [p.kind for p in alone] == [p.kind for p in together]
    assert [p.confidence for p in alone] == pytest.approx([p.confidence for p in together], abs=1e-3)


def test_direction_a_question_off_topic_is_trusted_less(bot: Bot) -> None:
    known, unknown = confidence(bot, *IN_SCOPE), confidence(bot, *OFF_TOPIC)
    assert fmean(known) > fmean(unknown) + 0.15
    assert max(known) > max(unknown)


def test_direction_a_short_follow_up_is_searched_with_what_came_before(bot: Bot) -> None:
    assert found(bot, "How long is the warranty?", "and how long is that?") == "How long is the warranty?"
    assert found(bot, "How long does delivery take?", "and how long is that?") == "How long does delivery take?"


def test_direction_a_follow_up_that_adds_what_no_entry_tells_is_not_answered_from_the_turn_before(bot: Bot) -> None:
    asked = "How long is the warranty?"
    assert plan(bot, asked, "and how long is that?").confidence > plan(bot, asked, "and Mars?").confidence


@pytest.mark.models
@pytest.mark.parametrize("bot", ["real"], indirect=True)
@pytest.mark.parametrize("question", PARAPHRASED)
def test_minimum_a_learnt_encoder_finds_what_shares_few_words(bot: Bot, question: str) -> None:
    assert found(bot, question) == PARAPHRASED[question]


def sureness(bot: Bot, *turns: str) -> float:
    """How sure the bot is of its best entry for the last of a customer's messages."""
    return bot.sureness(bot.read_many([[{"role": "user", "content": turn} for turn in turns]]))[0]


def confidence(bot: Bot, *texts: str) -> list[float]:
    """How sure the bot is of its best entry for each message."""
    readings = bot.read_many([[{"role": "user", "content": text}] for text in texts])
    return list(bot.confidence.of([reading.signals for reading in readings]).tolist())
