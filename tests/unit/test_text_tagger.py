"""The tagger of the extra `ner`: names that nothing introduces are found; products and questions stay."""

from __future__ import annotations

import pytest

from deskloop.text import gazetteer, tagger
from deskloop.text.pii import Redactor, find

EVERYTHING = frozenset(tagger.TAGS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yesterday Anneke Vermeulen picked it up", {"Anneke Vermeulen"}),
        ("can Giulia or Tomasz call me back?", {"Giulia", "Tomasz"}),
        ("I moved from Lisbon to Denmark", {"Lisbon", "Denmark"}),
        ("please bill Hartmann Logistics for it", {"Hartmann Logistics"}),
    ],
)
def test_names_that_nothing_introduces_are_found(text: str, said: set[str]) -> None:
    assert not find(text)
    assert {text[s.start : s.end] for s in find(text, tagged=EVERYTHING)} == said


@pytest.mark.parametrize(
    "text",
    [
        "Where is my order? It was due on the first.",
        "The Summit Jacket came in the wrong size",
        "Does the gift card work in the app?",
        "How do I reset my password?",
        "will the tent be back in stock",
    ],
)
def test_questions_and_products_are_left_alone(text: str) -> None:
    assert not find(text, tagged=EVERYTHING)


def test_only_the_kinds_asked_for_are_masked() -> None:
    text = "Anneke Vermeulen lives in Lisbon"
    assert Redactor(tagged=("PERSON",)).redact(text) == "<PERSON_1> lives in Lisbon"
    assert Redactor().redact(text) == text


def test_word_lists_hold_names_of_many_countries() -> None:
    lists = gazetteer.lists()
    assert {"anna", "giulia", "lars"} <= lists["first"] and {"smith", "müller"} <= lists["last"]
    assert {"berlin", "france"} <= lists["place"]
