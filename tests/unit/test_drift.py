"""The drift check holds its false-alarm rate, sees what moves, and keeps no customer's text."""

import json

import numpy as np
import pandas as pd
import pytest

from deskloop import drift


def live(rows: int, seed: int, *, shift: float = 0.0, intents=("a", "b", "c"), sure: float = 0.8) -> drift.Sample:
    """Messages of three topics; `shift` is the share of a fourth, unseen one."""
    rng = np.random.default_rng(seed)
    topics = np.random.default_rng(0).normal(size=(4, 16))
    topic = np.where(rng.random(rows) < shift, 3, rng.integers(0, 3, rows))
    vectors = topics[topic] + rng.normal(0, 0.8, (rows, 16))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    named = [intents[i] for i in rng.integers(0, len(intents), rows)]
    confidence = np.clip(rng.normal(sure, 0.1, rows), 0, 1).tolist()
    return drift.sample(["some words"] * rows, unit, named, confidence, ["retrieve"] * rows)


def named(outcome: drift.Drift) -> set[str]:
    return {test.name for test in outcome.tests if test.drifted}


@pytest.fixture(scope="module")
def reference():
    return live(400, seed=1)


def test_more_of_the_same_rarely_alarms(reference):
    alarms = sum(drift.check(reference, live(100, s), 0.05, 80, seed=s).verdict == "drift" for s in range(2, 32))
    assert alarms <= 5  # 1.5 expected; 6 or more happen in less than 1 % of such runs


@pytest.mark.parametrize(
    ("moved", "what"),
    [
        ({"shift": 0.5}, "text"),  # a new topic that many ask about
        ({"intents": ("a", "a", "b", "d")}, "intent"),
        ({"sure": 0.6}, "confidence"),
    ],
)
def test_what_moves_is_named(reference, moved, what):
    outcome = drift.check(reference, live(150, seed=3, **moved), 0.01, 80)
    assert outcome.verdict == "drift"
    assert named(outcome) == {what}
    assert f"{what} p=" in outcome.summary


def test_scattered_new_questions_are_seen_as_novelty(reference):
    window = live(200, seed=3)
    rng = np.random.default_rng(4)
    strange = rng.normal(size=(40, 16))
    window.vectors[:40] = strange / np.linalg.norm(strange, axis=1, keepdims=True)
    assert "novelty" in named(drift.check(reference, window, 0.01, 80))


def test_customers_who_repeat_each_other_are_no_novelty(reference):
    window = live(100, seed=3)
    window.vectors[50:] = window.vectors[:50]
    assert "novelty" not in named(drift.check(reference, window, 0.01, 80))


def test_few_messages_decide_nothing(reference):
    outcome = drift.check(reference, live(30, seed=3, shift=1.0), 0.01, 80)
    assert (outcome.verdict, outcome.tests) == ("undetermined", ())
    assert "30 live and 400 reference messages" in outcome.summary


def test_a_column_that_never_changes_takes_no_share_of_the_error(reference):
    flat = live(100, seed=2, intents=("a",))
    outcome = drift.check(live(400, seed=1, intents=("a",)), flat, 0.01, 80)
    assert [t.name for t in outcome.tests] == ["text", "novelty", "confidence"]
    assert "p <= 0.0033" in outcome.summary


def test_the_same_input_gives_the_same_numbers(reference):
    window = live(100, seed=4)
    assert drift.check(reference, window, 0.01, 80) == drift.check(reference, window, 0.01, 80)


def test_missing_confidence_is_a_value_of_its_own(reference):
    window = live(100, seed=4)
    window.figures["confidence"] = float("nan")
    assert named(drift.check(reference, window, 0.01, 80)) == {"confidence"}


def test_a_sample_comes_back_from_its_folder_without_any_text(reference, tmp_path):
    sample = drift.sample(["my secret 42"], np.ones((1, 4)), ["a"], [None], ["handoff"])
    sample.save(tmp_path)
    back = drift.Sample.load(tmp_path)
    pd.testing.assert_frame_equal(back.figures, sample.figures, check_dtype=False)
    assert np.array_equal(back.vectors, sample.vectors)
    assert not any(b"secret" in path.read_bytes() for path in tmp_path.iterdir())


def test_evidently_draws_what_was_compared(reference, tmp_path):
    window = live(100, seed=3, sure=0.5)
    window.figures["characters"] = float("nan")  # it refuses a column without a value
    drift.evidently_report(reference, window, tmp_path)
    assert "<html" in (tmp_path / "drift.html").read_text("utf-8")[:500].lower()
    tests = {test["name"]: test["status"] for test in json.loads((tmp_path / "drift.json").read_text())["tests"]}
    assert next(status for name, status in tests.items() if "confidence" in name) == "FAIL"
