"""The threshold keeps wrong answers within what the business allows, on questions it has not seen."""

import json

import numpy as np
import pytest

from deskloop.confidence import Confidence, Held, choose_threshold, choose_thresholds, curve, fit


def asked(n: int, seed: int):
    """Signals that tell, noisily, whether the top entry is right: (n, 6) and (n,)."""
    rng = np.random.default_rng(seed)
    right = rng.random(n) < 0.7
    score = np.where(right, 0.8, 0.5) + rng.normal(0, 0.15, n)
    return np.column_stack([score, rng.random((n, 5))]), right


def shown_and_wrong(model: Confidence, signals, right) -> tuple[float, float]:
    shown = model.of(signals) >= model.threshold
    return float(shown.mean()), float((shown & ~right).mean())


@pytest.mark.parametrize("allowed", [0.02, 0.05, 0.1])
def test_on_average_wrong_answers_stay_within_what_is_allowed(allowed):
    unseen = asked(4000, seed=999)
    runs = [shown_and_wrong(fit(*asked(300, seed), max_wrong=allowed), *unseen) for seed in range(12)]
    shown, wrong = np.mean(runs, axis=0)
    assert wrong <= allowed * 1.15
    assert shown > 0.3


def test_a_stricter_business_shows_less():
    signals, right = asked(400, seed=1)
    loose, strict = fit(signals, right, 0.1), fit(signals, right, 0.02)
    assert loose.threshold < strict.threshold
    assert loose.coverage > strict.coverage


def test_equally_sure_questions_are_shown_or_withheld_together():
    confidence, right = np.array([0.9] * 50 + [0.5] * 50), np.array([True] * 75 + [False] * 25)
    threshold, coverage, wrong = choose_threshold(Held(confidence, right), 0.05)
    assert 0.5 < threshold < 0.9
    assert (coverage, wrong) == (0.5, 0.0)


def test_where_nothing_is_safe_everything_goes_to_a_person():
    threshold, coverage, _ = choose_threshold(Held(np.linspace(0.1, 0.9, 50), np.zeros(50, dtype=bool)), 0.02)
    assert (threshold, coverage) == (np.inf, 0.0)


def test_too_few_questions_keep_the_cautious_defaults_and_survive_json():
    model = fit(*asked(20, seed=1), max_wrong=0.05)
    assert model.threshold == Confidence().threshold
    told = json.loads(json.dumps(model.as_dict(), allow_nan=False))
    assert Confidence.from_dict(told).weights == model.weights


def test_fewer_questions_than_can_promise_what_is_asked_keep_the_defaults():
    signals, right = asked(60, seed=1)
    assert fit(signals, right, max_wrong=0.05) != Confidence()
    assert fit(signals, right, max_wrong=0.01) == Confidence()


def test_where_no_answer_was_wrong_taken_entries_teach_what_is():
    signals, _ = asked(80, seed=1)
    signals[:, 0] = 0.8
    gone = {row: [0.3, *signals[row, 1:]] for row in range(80)}
    model = fit(signals, np.ones(80), 0.05, missing=gone, max_unknown=0.1)
    assert model.threshold > 0.5
    assert (model.of(signals) >= model.threshold).all()
    assert not (model.of(list(gone.values())) >= model.threshold).any()


def test_taken_entries_leave_the_real_questions_as_sure_as_they_are_right():
    signals, right = asked(600, seed=2)
    gone = {int(row): [0.7, *signals[row, 1:]] for row in np.flatnonzero(right)}
    fresh, good = asked(6000, seed=78)
    sure = fit(signals, right, 0.05, missing=gone).of(fresh)
    for low in (0.0, 0.5, 0.8):
        part = (sure >= low) & (sure < low + 0.3)
        assert abs(sure[part].mean() - good[part].mean()) < 0.08


def test_a_fitted_model_survives_json():
    model = fit(*asked(300, seed=1), max_wrong=0.05)
    assert Confidence.from_dict(json.loads(json.dumps(model.as_dict()))) == model


def test_a_signal_counts_only_the_way_it_may():
    signals, right = asked(300, seed=1)
    turned = signals * [1, -1, -1, -1, -1, 1] + [0, 1, 1, 1, 1, 0]
    turned[:, 3] = np.where(right, 0.2, 0.8)  # by chance, the right ones look less in scope
    model = fit(turned, right, 0.05)
    assert all(w >= 0 for w in model.weights[:5]) and model.weights[5] <= 0


def test_what_missing_knowledge_looks_like_is_learnt_without_moving_the_risk():
    signals, right = asked(400, seed=2)
    gone = {int(i): signals[i] * [0.5, 1, 1, 1, 1, 1] for i in np.flatnonzero(right)}
    model = fit(signals, right, 0.05, missing=gone)
    assert model.wrong_rate <= 0.05
    assert model.of(np.array(list(gone.values()))).mean() < model.of(signals[right]).mean() - 0.3


def test_the_curve_falls_from_caution_to_showing_everything():
    signals, right = asked(300, seed=3)
    rows = curve(fit(signals, right, 0.05).of(signals), right)
    assert rows[-1]["shown"] == 1 and rows[-1]["wrong"] == pytest.approx(float((~right).mean()))
    assert [r["shown"] for r in rows] == sorted(r["shown"] for r in rows)


def among_two(n: int, seed: int):
    """Signals, whether the first entry is right, and whether the second is where the first is not."""
    signals, right = asked(n, seed)
    second = ~right & (np.random.default_rng(seed + 1).random(n) < 0.6)
    signals[second, 0] += 0.15  # found well, but its neighbour was found better
    return signals, right, second


def test_pairs_answer_more_at_the_same_share_of_wrong_answers():
    signals, right, second = among_two(600, seed=4)
    alone, paired = fit(signals, right, 0.05), fit(signals, right, 0.05, second=second)
    fresh, good, next_ = among_two(6000, seed=77)
    one = paired.of(fresh) >= paired.threshold
    two = ~one & (paired.pair.of(fresh) >= paired.pair.threshold)
    assert (one | two).mean() > (alone.of(fresh) >= alone.threshold).mean() + 0.03
    assert ((one & ~good) | (two & ~good & ~next_)).mean() <= 0.06


def test_single_entries_leave_a_part_of_the_risk_to_pairs():
    sure, right = np.linspace(1, 0, 1000), np.arange(1000) % 20 > 0
    single, pair = choose_thresholds(Held(sure, right), Held(sure, right), 0.03)
    assert single[2] <= 0.6 * 0.03 < single[2] + pair[2] <= 0.03


def test_of_questions_whose_entry_is_gone_no_more_are_answered_than_the_business_allows():
    sure, right, lost = np.linspace(1, 0, 1000), np.arange(1000) % 50 > 0, np.linspace(0.9, 0, 500)
    held = Held(sure, right, lost)
    free, (bound, *_) = choose_threshold(held, 0.03)[0], choose_threshold(held, 0.03, 0.1)
    assert (lost >= free).mean() > 0.5 and 0.09 < (lost >= bound).mean() <= 0.1
    (single, *_), (pair, *_) = choose_thresholds(held, held, 0.03, 0.1)
    assert bound < single and 0.09 < (lost >= min(single, pair)).mean() <= 0.1


def test_pairs_survive_json():
    model = fit(*among_two(300, seed=1)[:2], 0.05, second=among_two(300, seed=1)[2])
    assert model.pair and Confidence.from_dict(json.loads(json.dumps(model.as_dict()))) == model
