"""Each figure's interval is that of its own definition, and says nothing where there is nothing to say."""

import math

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from deskloop import figures, intervals, scorepage, sheet

RNG = np.random.default_rng(3)


def test_the_area_is_the_known_one_with_ties_and_lies_in_its_interval():
    inside = RNG.random(200) < 0.7
    scope = np.round(RNG.normal(inside.astype(float), 1.0), 1)  # rounded: many ties
    found = intervals.auroc(inside.tolist(), scope.tolist())
    assert found.value == pytest.approx(roc_auc_score(inside, scope))
    assert found.low < found.value < found.high


@pytest.mark.parametrize("which", ["precision", "recall"])
def test_macro_scores_are_the_known_ones(which):
    truth = RNG.choice(list("abc"), 90).tolist()
    said = [t if RNG.random() < 0.7 else str(RNG.choice(list("abcd"))) for t in truth]
    known = precision_recall_fscore_support(truth, said, labels=list("abc"), average="macro", zero_division=0)
    found = intervals.macro(truth, said, which)
    assert found.value == pytest.approx(known[0 if which == "precision" else 1])
    assert found.low < found.value < found.high


def test_more_cases_make_a_percentile_surer():
    few, many = (intervals.quantile(RNG.exponential(10, n).tolist(), 95) for n in (30, 3000))
    assert many.high - many.low < few.high - few.low


def test_no_cases_and_one_class_alone_give_no_interval():
    assert math.isnan(intervals.quantile([], 50).value)
    assert math.isnan(intervals.auroc([True, True], [0.1, 0.2]).low)
    assert intervals.table({"perplexity": 9.0, "mrr": float("nan")}, {}) == [
        {"score": "perplexity", "value": 9.0, "low": None, "high": None, "cases": None},
        {"score": "mrr", "value": None, "low": None, "high": None, "cases": None},
    ]


def test_the_page_shows_behaviour_and_the_suites_of_the_gate():
    tables = {"behaviour": [{"suite": "invariance", "case": "typo", "passed": 23, "total": 25}]}
    kinds = {"orders in messages": {"cases": 5, "failed": []}, "orders in entries": {"cases": 6, "failed": ["one"]}}
    suites = {"privacy": {"cases": 6, "failed": ["one"]}, "safety": {"cases": 11, "failed": ["one"], "kinds": kinds}}
    page = scorepage.page({"scores": {}, "tables": tables, "skipped": {}, "suites": suites})
    assert '<td>all</td><td class="n">5</td><td class="n">6</td>' in page and "typo" in page
    assert '<td>orders in entries</td><td class="n">5</td><td class="n">6</td>' in page


def test_perplexity_is_that_of_all_tokens_and_a_loss_below_another_s_is_a_gain_below_zero():
    tokens = [float(n) for n in RNG.integers(5, 40, 60)]
    ours, theirs = [0.7 * n for n in tokens], [1.1 * n for n in tokens]
    found, gain = intervals.perplexity(ours, tokens), intervals.perplexity_gain(ours, theirs, tokens)
    assert found.value == pytest.approx(math.exp(0.7)) and gain.value == pytest.approx(math.exp(0.7) - math.exp(1.1))
    assert gain.high < 0 and gain.excludes_zero
    assert math.isnan(intervals.perplexity([], []).value)


def test_figures_are_written_with_their_units_in_one_order_whatever_was_measured():
    scores = {"decision_p50_ms": 33.2, "intent_accuracy": 0.9415, "mrr": float("nan"), "own_score": 2.0}
    told = [{"score": "intent_accuracy", "low": 0.92, "high": 0.96, "cases": 80}]
    rows = figures.rows(scores, told)
    assert [(r["score"], r["value"]) for r in rows] == [
        ("Intent accuracy", "94.2 %"), ("Time to a decision, median", "33 ms"), ("own score", "2.000"),
    ]  # fmt: skip
    assert rows[0]["95 % interval"] == "92.0 to 96.0 %" and rows[1]["95 % interval"] == "–"
    peers = [{"baseline": "BM25", "mrr": 0.5}, {"baseline": "majority class", "accuracy": 0.1}]
    assert figures.beside({"intent_accuracy": 0.9}, peers) == [
        {"score": "Intent accuracy", "ours": "90.0 %", "BM25": "–", "majority class": "10.0 %"},
        {"score": "Mean reciprocal rank (MRR@10)", "ours": "–", "BM25": "0.500", "majority class": "–"},
    ]


def test_a_table_sets_numbers_right_and_says_once_what_rows_belong_to():
    rows = [{"about": "a", "name": "x", "value": "94.2 %"}, {"about": "a", "name": "y", "value": "–"}]
    page = sheet.table(rows, grouped="about")
    assert page.count(">a</th>") == 1 and '<td class="n">94.2 %</td>' in page and "<td>x</td>" in page
    dates = sheet.table([{"day": "2026-06-01"}, {"day": "20 words"}])
    assert 'class="n"' not in dates
