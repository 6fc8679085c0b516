"""Scores agree with their definitions, and intervals hold what they promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskloop import metrics

LABELS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=40)


def test_a_bootstrap_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for run in range(100):
        interval = metrics.bootstrap(rng.normal(0.3, 1, 60), seed=run)
        covered += interval.low <= 0.3 <= interval.high
    assert 87 <= covered <= 100


def test_a_paired_comparison_sees_a_small_steady_gain_that_spread_hides():
    spread = np.random.default_rng(2).normal(0, 5, 200)
    gain = metrics.paired_bootstrap(spread + 0.1, spread)
    assert gain.value == pytest.approx(0.1)
    assert gain.excludes_zero and gain.low > 0


def test_pairs_need_the_same_cases():
    with pytest.raises(ValueError, match="the same cases"):
        metrics.paired_bootstrap([1, 0], [1])


def test_nothing_measured_is_nan_and_no_crash():
    assert math.isnan(metrics.bootstrap([]).value)
    assert math.isnan(metrics.macro_f1_interval([], []).low)
    assert math.isnan(metrics.retrieval([])["mrr"])
    assert metrics.wilson_upper(0, 0) == 1.0


@settings(deadline=None, derandomize=True)
@given(LABELS)
def test_the_fast_macro_f1_is_that_of_scikit_learn(pairs):
    truth, said = [t for t, _ in pairs], [s for _, s in pairs]
    fast = metrics.macro_f1_interval(truth, said, resamples=2).value
    assert fast == pytest.approx(metrics.classification(truth, said)["macro_f1"])


def test_a_class_never_named_pulls_the_macro_scores_down_but_not_the_accuracy():
    scores = metrics.classification(["a"] * 9 + ["b"], ["a"] * 10)
    assert scores["accuracy"] == 0.9
    assert scores["macro_recall"] == 0.5
    assert metrics.per_class(["a"] * 9 + ["b"], ["a"] * 10)[0]["intent"] == "b"


def test_retrieval_counts_ranks():
    scores = metrics.retrieval([1, 2, 6, None])
    assert scores == {
        "recall_at_1": 0.25,
        "recall_at_5": 0.5,
        "mrr": pytest.approx((1 + 1 / 2 + 1 / 6) / 4),
        "ndcg_at_10": pytest.approx((1 + 1 / np.log2(3) + 1 / np.log2(7)) / 4),
    }


def test_chrf_is_a_hundred_for_the_same_text_and_falls_with_distance():
    same, near, far = metrics.chrf(["two days", "two day", "no idea"], ["two days"] * 3)
    assert same == pytest.approx(100)
    assert same > near > far


def test_calibration_error_is_the_gap_between_sureness_and_truth():
    assert metrics.expected_calibration_error([0.8] * 10, [1] * 8 + [0] * 2) == pytest.approx(0)
    assert metrics.expected_calibration_error([1.0] * 10, [1] * 5 + [0] * 5) == pytest.approx(0.5)


def test_the_upper_bound_of_a_share_shrinks_with_trials():
    assert 0 < metrics.wilson_upper(0, 1000) < metrics.wilson_upper(0, 100) < 0.03
    assert metrics.wilson_upper(10, 1000) > 0.01
