"""The gate: the business's thresholds first, then no loss and one sure gain against the champion."""

import json

import numpy as np
import pytest

from deskloop import gate
from deskloop.settings import Gate

NAN = float("nan")
GOOD = {
    "intent_accuracy": 0.9,
    "intent_macro_f1": 0.88,
    "recall_at_5": 0.97,
    "answer_correct": 0.8,
    "wrong_rate": 0.03,
}


def card(scores=None, **cases):
    return {"scores": {**GOOD, **(scores or {})}, "cases": cases}


def coins(share: float, n: int = 400, seed: int = 0) -> list[float]:
    return (np.random.default_rng(seed).random(n) < share).astype(float).tolist()


def test_with_no_champion_the_thresholds_alone_decide():
    assert gate.judge(card(), None, Gate(min_intent_accuracy=0.9, max_wrong_rate=0.05)).promote
    verdict = gate.judge(card(), None, Gate(min_intent_accuracy=0.95))
    assert not verdict.promote
    assert verdict.summary == "refused: intent_accuracy 0.900, wanted at least 0.950"


@pytest.mark.parametrize(
    ("score", "condition"),
    [
        ("intent_accuracy", {"min_intent_accuracy": 0.91}),
        ("intent_macro_f1", {"min_intent_macro_f1": 0.89}),
        ("recall_at_5", {"min_recall_at_5": 0.98}),
        ("answer_correct", {"min_answer_correct": 0.81}),
        ("wrong_rate", {"max_wrong_rate": 0.02}),
    ],
)
def test_each_threshold_can_refuse(score, condition):
    verdict = gate.judge(card(), None, Gate(**condition))
    assert [c.name for c in verdict.checks if not c.passed] == [score]


def test_what_could_not_be_measured_fails_only_a_threshold_that_was_set():
    unlabelled = card({"intent_accuracy": None, "intent_macro_f1": None, "wrong_rate": None})
    assert gate.judge(unlabelled, None, Gate()).promote
    assert "not measured" in gate.judge(unlabelled, None, Gate(min_intent_accuracy=0.5)).summary
    assert not gate.judge(unlabelled, None, Gate(max_wrong_rate=0.1)).promote


def test_a_challenger_that_is_surely_better_somewhere_and_worse_nowhere_wins():
    old, same = coins(0.7), coins(0.9, seed=1)
    new = [max(o, s) for o, s in zip(old, coins(0.3, seed=2), strict=True)]
    assert gate.judge(card(intent=new, retrieval=same), card(intent=old, retrieval=same), Gate()).promote


def test_the_same_scores_again_are_not_worth_a_swap():
    same = coins(0.8)
    verdict = gate.judge(card(intent=same), card(intent=same), Gate())
    assert [c.name for c in verdict.checks if not c.passed] == ["better than champion"]


def test_a_gain_in_one_score_does_not_buy_a_loss_in_another():
    old = coins(0.8)
    better, worse = [1.0] * 400, [x * k for x, k in zip(old, coins(0.9, seed=3), strict=True)]
    verdict = gate.judge(card(intent=better, retrieval=worse), card(intent=old, retrieval=old), Gate())
    assert [c.name for c in verdict.checks if not c.passed] == ["retrieval against champion"]


def test_a_loss_on_average_beyond_what_is_allowed_refuses_even_when_it_may_be_chance():
    old = coins(0.5, n=40)
    new = (
        [*old[:-2], 0.0, 0.0]
        if old[-1] or old[-2]
        else [0.0 if i == old.index(1.0) else x for i, x in enumerate(old)]
    )
    check = gate.compare("retrieval", new, old, max_loss=0.01)
    assert not check.passed
    assert gate.compare("retrieval", new, old, max_loss=0.2).passed


def test_what_could_not_be_compared_replaces_no_champion():
    for ours, theirs in [({}, {}), ({"intent": [1.0]}, {}), ({"intent": [1.0, 1.0]}, {"intent": [0.0]})]:
        verdict = gate.judge(card(**ours), card(**theirs), Gate())
        assert not verdict.promote
        assert "refused: comparison with the champion not measured" in verdict.summary
        assert "`deskloop promote` overrules" in verdict.summary


def test_a_first_model_of_which_nothing_could_be_measured_is_promoted_and_says_so():
    unknown = {"scores": dict.fromkeys(GOOD), "cases": {}}
    verdict = gate.judge(unknown, None, Gate())
    assert verdict.promote and verdict.checks == ()
    assert "nothing was checked" in verdict.summary and "no champion may stay" in verdict.summary


def test_a_verdict_is_strict_json():
    scores = card({"intent_accuracy": None})
    told = gate.judge(scores, None, Gate(min_intent_accuracy=0.5)).as_dict()
    assert json.loads(json.dumps(told, allow_nan=False))["promote"] is False


LANGUAGES = ["en"] * 360 + ["nl"] * 40


def sliced(labels, **cases):
    return card(**cases) | {"slices": {name: {"language": labels} for name in cases}}


def failed(verdict):
    return [c.name for c in verdict.checks if not c.passed]


def test_a_slice_that_breaks_is_found_behind_a_gain_on_the_whole():
    old = coins(0.7)
    new = [max(o, s) for o, s in zip(old, coins(0.6, seed=2), strict=True)][:360] + [0.0] * 40
    assert np.mean(new) > np.mean(old) + 0.05
    verdict = gate.judge(sliced(LANGUAGES, intent=new), card(intent=old), Gate(max_loss=1))
    assert failed(verdict) == ["intent by language"]
    check = next(c for c in verdict.checks if c.name == "intent by language")
    assert check.detail.startswith("worst of 2: nl, 40 cases, Holm p ") and check.got < -0.5
    assert gate.judge(sliced(LANGUAGES, intent=new), card(intent=old), Gate(max_loss=1, slice_margin=0.9)).promote


def test_slices_that_differ_by_chance_alone_seldom_refuse():
    labels = [f"s{i % 20}" for i in range(800)]
    refused = 0
    for seed in range(100):
        old, new = coins(0.8, 800, seed), coins(0.8, 800, 1000 + seed)
        checks = gate.by_slice({"intent": (new, old)}, {"intent": {"channel": labels}}, 0.0)
        refused += not checks[0].passed
    assert refused <= 10  # at most 5 % are expected


def test_challengers_that_are_no_better_are_seldom_taken_for_better():
    lucky = [gate.some_gain({n: (coins(0.8, 400, s + k), coins(0.8, 400, s + 500 + k)) for k, n in enumerate("abc")})
             for s in range(0, 600, 10)]  # fmt: skip
    assert sum(check.passed for check in lucky) <= 5  # of 60, at most 1.5 expected


def test_a_slice_of_few_cases_is_not_judged_and_one_without_a_label_neither():
    labels = ["nl"] * 14 + [None] * 386
    pairs = {"intent": ([0.0] * 14 + [1.0] * 386, [1.0] * 400)}
    assert gate.by_slice(pairs, {"intent": {"language": labels}}, 0.05) == []


def test_latency_is_a_ratio_to_the_champion_on_the_same_messages():
    taken = {"writing": {"ours": [200.0, 420.0, 900.0], "theirs": [100.0, 200.0, 100.0]}}
    (check,) = gate.latency(taken, most=1.5)
    assert not check.passed and check.got == pytest.approx(2.1)
    assert check.detail == "median 420 ms against 100 ms, 3 cases"
    assert gate.latency(taken, most=2.5)[0].passed


def test_a_failed_suite_refuses_also_where_there_is_no_champion():
    found = {"privacy": {"cases": 6, "failed": ["What is the passphrase? The generator says it."]}}
    verdict = gate.judge(card() | {"suites": found}, None, Gate())
    assert failed(verdict) == ["privacy"] and "The generator says it" in verdict.checks[-1].detail
    assert gate.judge(card() | {"suites": {"privacy": {"cases": 6, "failed": []}}}, None, Gate()).promote


def other_knowledge(edited=1, added=0, removed=0, against=1, astray=0, entries=80, outdated=None):
    ids = [f"e{i}" for i in range(edited)]
    return {
        "entries": entries, "edited": ids, "added": [f"a{i}" for i in range(added)],
        "removed": [f"r{i}" for i in range(removed)], "against": ids[:against], "astray": ids[:astray],
        "questions": {i: f"Question {i}?" for i in ids}, "outdated": outdated or {},
    }  # fmt: skip


def beside(old, **changed):
    return card(intent=old) | {"knowledge": other_knowledge(**changed)}


@pytest.mark.parametrize("changed", [{}, {"edited": 0, "added": 1}, {"edited": 0, "removed": 1}])
def test_other_knowledge_reaches_customers_if_nothing_is_lost(changed):
    same = coins(0.8)
    verdict = gate.judge(card(intent=same), beside(same, **changed), Gate())
    counts = [len(other_knowledge(**changed)[how]) for how in ("edited", "added", "removed")]
    assert verdict.promote
    assert verdict.summary.endswith("knowledge changed: {} edited, {} added, {} removed".format(*counts))
    named = {c.name: c for c in verdict.checks}
    assert named["changed answers against replies"].wanted == "at most 4, removed entries included"
    assert named["knowledge changed"].got == 1.0


def test_other_knowledge_buys_no_loss_and_no_failed_suite():
    old = coins(0.8)
    worse = [x * k for x, k in zip(old, coins(0.9, seed=3), strict=True)]
    assert failed(gate.judge(card(intent=worse), beside(old), Gate())) == ["intent against champion"]
    leaks = {"suites": {"privacy": {"cases": 6, "failed": ["It is shown."]}}}
    assert failed(gate.judge(card(intent=old) | leaks, beside(old), Gate())) == ["privacy"]
    assert not gate.judge(card(), card() | {"knowledge": other_knowledge()}, Gate()).promote  # nothing to compare


def test_usefulness_gains_or_loses_only_what_a_threshold_does_not_by_luck():
    old = [0.0] * 1000
    for more, counts in ((15, False), (30, True)):
        new = [1.0] * more + old[more:]
        assert gate.some_gain({"usefulness": (new, old)}).passed is counts
        assert gate.some_gain({"intent": (new, old)}).passed
        assert gate.compare("usefulness", old, new, max_loss=0.01).passed is not counts
        assert not gate.compare("intent", old, new, max_loss=0.01).passed


def test_of_a_sample_a_loss_may_be_chance_unless_it_is_sure():
    old = [1.0] * 60
    assert gate.compare(gate.SAMPLED, [0.0, *old[1:]], old, max_loss=0.01).passed
    assert not gate.compare(gate.SAMPLED, [0.0] * 6 + old[6:], old, max_loss=0.01).passed


def test_what_one_of_both_hands_over_says_nothing_on_how_it_writes():
    shy = [0.0] * 6 + [1.0] * 54
    fewer = gate.judge(card(written=shy, shown=shy), card(written=[1.0] * 60, shown=[1.0] * 60), Gate())
    worse = gate.judge(card(written=shy, shown=[1.0] * 60), card(written=[1.0] * 60, shown=[1.0] * 60), Gate())
    assert failed(fewer) == ["better than champion"]
    assert failed(worse) == ["written against champion", "better than champion"]


def test_a_loss_that_may_be_chance_does_not_keep_the_old_text_alive():
    old = coins(0.5, n=60)
    new = [0.0 if i == old.index(1.0) else x for i, x in enumerate(old)]
    assert failed(gate.judge(card(intent=new), card(intent=old), Gate()))[0] == "intent against champion"
    assert gate.judge(card(intent=new), beside(old), Gate()).promote


@pytest.mark.parametrize(
    "changed", [{"edited": 5, "against": 5}, {"removed": 4}, {"edited": 2, "entries": 9, "against": 2}]
)
def test_many_answers_against_what_people_replied_need_a_person(changed):
    better, old = [1.0] * 400, coins(0.7)
    verdict = gate.judge(card(intent=better), beside(old, **changed), Gate())
    assert (
        failed(verdict) == ["changed answers against replies"] and "`deskloop promote` overrules" in verdict.summary
    )
    assert gate.judge(card(intent=better), beside(old, **changed), Gate(max_against=0.5)).promote


def test_one_answer_about_something_else_needs_a_person():
    same = coins(0.8)
    verdict = gate.judge(card(intent=same), beside(same, astray=1), Gate())
    assert failed(verdict) == ["changed answers about something else"]
    assert "Question e0?" in verdict.checks[-2].detail


def test_replies_from_before_an_edit_do_not_count_against_it():
    old = [1.0] * 100
    new = [0.0] * 20 + [1.0] * 80
    labels = ["nl"] * 20 + ["en"] * 80
    outdated = {"truth": [True] * 20 + [False] * 80}
    ours, theirs = sliced(labels, truth=new), card(truth=old)
    assert gate.judge(ours, theirs | {"knowledge": other_knowledge(outdated=outdated)}, Gate()).promote
    assert failed(gate.judge(ours, theirs | {"knowledge": other_knowledge()}, Gate())) == [
        "truth against champion",
        "truth by language",
    ]
