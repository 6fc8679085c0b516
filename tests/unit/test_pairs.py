"""Where one of two entries answers and the first alone is not sure enough, both are shown under their questions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deskloop.bot import Bot
from deskloop.confidence import Confidence
from deskloop.features.index import SearchIndex
from deskloop.features.tiny import TinyEncoder
from deskloop.records import KnowledgeEntry
from deskloop.settings import Settings

ENTRIES = [
    KnowledgeEntry(id="use", question="How do I use a gift card?", answer="Enter it at checkout.", source="faq"),
    KnowledgeEntry(id="valid", question="How long is a gift card valid?", answer="For 3 years.", source="faq"),
    KnowledgeEntry(id="stores", question="Where are your stores?", answer="In Ghent.", source="faq"),
]
ASKED = [{"role": "user", "content": "until when may I use my gift card"}]
NEVER, ALWAYS = Confidence(threshold=1.01), Confidence(threshold=0.0)


@pytest.fixture(scope="module")
def bot():
    index = SearchIndex.build(ENTRIES, TinyEncoder())
    return Bot(index, None, None, replace(NEVER, pair=ALWAYS), {}, "generate", Settings())


def test_both_entries_are_told_and_cited(bot):
    answer = bot.answer(ASKED)
    assert answer.kind == "retrieve"
    assert {source.id for source in answer.sources} == {"use", "valid"}
    for entry in ENTRIES[:2]:
        assert f"{entry.question}\n{entry.answer}" in answer.text


def test_what_is_streamed_is_what_is_answered(bot):
    *pieces, last = bot.stream(ASKED)
    assert "".join(pieces) == last.text


def test_an_entry_that_is_sure_enough_stands_alone(bot):
    sure = replace(bot, confidence=replace(ALWAYS, pair=ALWAYS), policy="retrieve")
    assert len(sure.answer(ASKED).sources) == 1


def test_what_the_customer_may_have_meant_is_offered_with_the_hand_over(bot):
    unsure = replace(bot, confidence=replace(NEVER, pair=replace(ALWAYS, threshold=1.01)))
    answer = unsure.answer(ASKED)
    assert answer.kind == "handoff" and not answer.sources
    assert {source.id for source in answer.suggestions[:2]} == {"use", "valid"} and len(answer.suggestions) == 3
    hopeless = replace(NEVER, bias=-30.0, pair=replace(NEVER, bias=-30.0))
    assert replace(bot, confidence=hopeless).answer(ASKED).suggestions == ()
    person = unsure.answer([{"role": "user", "content": "let me talk to a real person about my gift card"}])
    assert person.kind == "handoff" and not person.suggestions


def test_a_topic_that_several_entries_speak_of_is_asked_back_and_nobody_is_called(bot):
    sure = replace(bot, confidence=replace(ALWAYS, pair=ALWAYS), policy="retrieve")
    answer = sure.answer([{"role": "user", "content": "gift card"}])
    assert answer.kind == "clarify" and not answer.sources
    assert {source.id for source in answer.suggestions} == {"use", "valid"}
    unsure = replace(bot, confidence=replace(NEVER, pair=replace(ALWAYS, threshold=1.01)))
    assert unsure.answer([{"role": "user", "content": "stores?"}]).kind == "clarify", (
        "nobody could tell what is asked"
    )
    stores = sure.answer([{"role": "user", "content": "stores"}])
    assert stores.kind == "retrieve" and stores.sources[0].id == "stores"


def test_a_word_after_a_question_is_read_with_it(bot):
    sure = replace(bot, confidence=replace(ALWAYS, weights=(1.0, 0, 0, 0, 0, 0), pair=ALWAYS), policy="retrieve")
    asked = ["How long is it valid?", "gift card"]
    assert sure.answer([{"role": "user", "content": text} for text in asked]).sources[0].id == "valid"


def test_neither_is_told_where_both_are_unsure(bot):
    assert replace(bot, confidence=replace(NEVER, pair=NEVER)).answer(ASKED).kind == "handoff"
    assert replace(bot, confidence=NEVER).answer(ASKED).kind == "handoff"


def test_what_was_written_for_a_hand_over_is_dropped(bot):
    plan = replace(bot, confidence=replace(NEVER, pair=NEVER)).plan(ASKED)
    assert bot.finish(plan, "Enter it at checkout. It costs 99 euro.").text == bot.settings.shop.handover
