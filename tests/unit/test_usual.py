"""What entries usually answer, as a second opinion on an intent."""

import numpy as np
import pytest

from deskloop.records import Source
from deskloop.usual import blended, opinion, ranked, temperature, usual_intents, weight


def hit(name, score):
    return Source(id=name, question="q", answer="a", url=None, score=score)


def test_an_entry_carries_the_shares_of_its_past_questions():
    usual = usual_intents([("e", "a"), ("e", "a"), ("e", "b"), ("f", "b")])
    assert usual == {"e": {"a": pytest.approx(2 / 3), "b": pytest.approx(1 / 3)}, "f": {"b": 1.0}}


def test_the_best_entry_weighs_most():
    usual = usual_intents([("e", "a"), ("f", "b")])
    shares = opinion(["a", "b"], [hit("e", 0.9), hit("f", 0.3)], usual)
    assert shares[0] > 0.9 and shares.sum() == pytest.approx(1)


def test_without_past_questions_the_classifier_alone_decides():
    first = np.array([0.3, 0.7])
    assert blended(first, ["a", "b"], [hit("new", 0.9)], {}) == pytest.approx(first)
    assert blended(first, ["a", "b"], [], {}) == pytest.approx(first)


def test_a_sure_second_opinion_can_turn_an_unsure_classifier():
    usual = usual_intents([("e", "a")])
    assert blended([0.4, 0.6], ["a", "b"], [hit("e", 0.9)], usual).argmax() == 0


def test_two_opinions_that_agree_are_as_sure_as_they_are_right():
    usual = usual_intents([("e", "a"), ("e", "b"), ("f", "b")])
    found, shares, gold = [[hit("e", 0.9)]] * 60, [[0.9, 0.1]] * 60, ["a"] * 57 + ["b"] * 3
    t = temperature(found, shares, ["a", "b"], usual, gold)
    assert blended([0.9, 0.1], ["a", "b"], found[0], usual)[0] == pytest.approx(0.7)
    assert blended([0.9, 0.1], ["a", "b"], found[0], usual, t)[0] == pytest.approx(0.95, abs=0.01)
    assert temperature(found[:20], shares[:20], ["a", "b"], usual, gold[:20]) == 1.0


def test_the_classifier_decides_between_entries_that_search_finds_alike():
    usual = usual_intents([("e", "a"), ("f", "b")])
    best = ranked([hit("e", 0.70), hit("f", 0.69)], [0.1, 0.9], ["a", "b"], usual, 0.15)
    assert [h.id for h in best] == ["f", "e"] and all(0 <= h.score <= 1 for h in best)
    assert ranked([hit("e", 0.70), hit("f", 0.69)], [0.1, 0.9], ["a", "b"], usual, 0.0)[0].id == "e"
    assert ranked([hit("e", 0.9), hit("f", 0.5)], [0.1, 0.9], ["a", "b"], usual, 0.15)[0].id == "e"


def test_an_entry_without_past_questions_is_not_held_back():
    usual = usual_intents([("e", "a")])
    assert ranked([hit("new", 0.8), hit("e", 0.7)], [1.0], ["a"], usual, 0.15)[0].id == "new"


def test_the_classifier_counts_as_far_as_it_helps():
    usual = usual_intents([("e", "a"), ("f", "b")])
    found, shares = [[hit("e", 0.70), hit("f", 0.66)]] * 40, [[0.0, 1.0]] * 40
    assert weight(found, shares, ["a", "b"], usual, ["f"] * 40) == pytest.approx(0.05)
    assert weight(found, shares, ["a", "b"], usual, ["e"] * 40) == 0
    assert weight(found[:9], shares[:9], ["a", "b"], usual, ["f"] * 9) == 0
