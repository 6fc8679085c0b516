"""Each figure's interval is that of its own definition, and says nothing where there is nothing to say."""

import math

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from deskloop import intervals, scorepage

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
    suites = {"privacy": {"cases": 6, "failed": ["one"]}}
    page = scorepage.page({"scores": {}, "tables": tables, "skipped": {}, "suites": suites})
    row = '<td>privacy</td><td>all</td><td class="n">5</td><td class="n">6</td>'
    assert row in page and "typo" in page
