"""Simpler ways to answer get their thresholds by the bot's rule, on the bot's validation questions."""

from __future__ import annotations

import pytest

from deskloop.bench import abstention
from deskloop.features.tiny import TinyEncoder
from deskloop.records import KnowledgeEntry

THINGS = ("tent", "stove", "jacket", "lamp", "rope", "boots", "map", "mat", "pack", "flask")
ENTRIES = [
    KnowledgeEntry(id=thing, question=f"How do I clean the {thing}?", answer=f"The {thing} is brushed.", source="faq")
    for thing in THINGS
]
EASY = [(f"cleaning my {thing} number {i}", thing) for thing in THINGS for i in range(8)]
STRANGE = [("what is the capital of Peru", None), ("sing me a song", None)] * 10


@pytest.fixture(scope="module")
def encoder() -> TinyEncoder:
    return TinyEncoder()


def by_way(encoder: TinyEncoder, held: list, asked: list) -> dict:
    return {row["way"]: row for row in abstention.baselines(ENTRIES, encoder, held, asked, 0.03)}


def test_what_no_entry_answers_is_not_shown(encoder: TinyEncoder) -> None:
    found = by_way(encoder, EASY + STRANGE, EASY + STRANGE)
    assert set(found) == {"BM25", "TF-IDF", "sentence vectors"}
    for way in ("BM25", "TF-IDF"):
        assert found[way]["coverage_of_answerable"] == 1.0
        assert found[way]["wrong_of_all"] == 0.0


def test_a_way_that_cannot_keep_the_promise_shows_next_to_nothing(encoder: TinyEncoder) -> None:
    wrong = [(text, "tent" if thing != "tent" else "lamp") for text, thing in EASY]
    for row in by_way(encoder, wrong, EASY).values():
        assert row["coverage_of_answerable"] <= 0.03  # what the promise allows


def test_wrong_answers_count_where_the_test_differs_from_validation(encoder: TinyEncoder) -> None:
    moved = [(text, None) for text, _ in EASY]
    row = by_way(encoder, EASY + STRANGE, [*EASY, *moved])["BM25"]
    assert row["wrong_of_all"] == pytest.approx(0.5)
    assert row["coverage_of_answerable"] == 1.0
