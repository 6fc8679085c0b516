"""The prompt stays short: of a long entry it holds what the question is about."""

from __future__ import annotations

from deskloop.generator import prompt
from deskloop.generator.passage import nearest
from deskloop.records import Source

FILLER = "Ask the customer for the account number and look it up in the system first. " * 6
LONG = f"{FILLER}\nBoots may be exchanged for another colour within 60 days. {FILLER}\nRefunds go to the card."


def test_a_short_text_is_left_as_it_is():
    text = "Delivery takes\n2 days."
    assert nearest(text, "delivery", 10) == text


def test_of_a_long_text_the_sentences_nearest_the_question_stay():
    found = nearest(LONG, "Can I exchange my boots?", 30)
    assert "exchanged for another colour within 60 days" in found
    assert len(found.split()) <= 30 + found.split().count("...")
    assert "Refunds go to the card" in nearest(LONG, "When is the refund on my card?", 20)


def test_without_a_word_in_common_the_beginning_stays():
    assert nearest(LONG, "xyz", 20).startswith("Ask the customer")


def test_a_sentence_longer_than_the_budget_is_cut():
    assert nearest("word " * 100, "word", 20) == "word " * 19 + "word"


def test_the_prompt_of_two_long_entries_is_short():
    entries = [Source(id=str(i), question="Exchange", answer=LONG, url=None, score=1.0) for i in range(2)]
    made = prompt.messages("the shop", entries, [{"role": "user", "content": "exchange my boots?"}])
    assert made[0]["content"].count("another colour") == 2
    assert len(made[0]["content"].split()) < 2 * prompt.ENTRY_WORDS + 40
