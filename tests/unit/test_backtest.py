"""The backtest counts what would have become of past tickets, and reckons with what the desk says a ticket costs."""

import re

import numpy as np
import pandas as pd
import pytest

from deskloop import backtest, rightness, scorepage, slices
from deskloop.intents import Prediction
from deskloop.metrics import wilson
from deskloop.plan import Reading
from deskloop.records import Source
from deskloop.settings import Backtest


def ticket(number, outcome, **more):
    return {
        "id": f"t{number}", "at": f"2026-0{1 + number % 3}-05", "channel": "chat", "language": "en",
        "intent": "returns",
        "words": 5 + number % 30, "outcome": outcome, "findable": outcome == "right",
        "sure": 0.9 if outcome == "right" else 0.2,
        "understood": number % 4 != 0, "reason": "not sure enough" if outcome == "handed over" else "",
        "question": f"question {number}", "entry": f"entry {number}", "reply": f"reply {number}", **more,
    }  # fmt: skip


ROWS = [
    *(ticket(n, "right") for n in range(60)),
    *(ticket(n, "wrong") for n in range(60, 62)),
    *(ticket(n, "handed over") for n in range(62, 85)),
    *(ticket(n, "offered") for n in range(85, 95)),
    *(ticket(n, "small talk", channel="email") for n in range(95, 100)),
]


def test_shares_come_with_intervals_and_savings_with_the_rates():
    found = backtest.summary(ROWS, Backtest(minutes_per_ticket=10, cost_per_hour=30, currency="$"))
    assert (found["tickets"], found["answered"], found["wrong"], found["handed_over"]) == (100, 62, 2, 33)
    assert found["offered"] == 10 and "10 with the right page offered" in backtest.told(found)
    assert found["hours_saved"] == 10 and found["cost_saved"] == 300 and found["currency"] == "$"
    low, high = found["answered_interval"]
    assert low < 0.62 < high and found["wrong_interval"][0] > 0
    assert (found["from"], found["to"]) == ("2026-01-05", "2026-03-05")
    assert "62%" in backtest.told(found) and "$300" in backtest.told(found)


def test_no_ticket_is_no_claim():
    found = backtest.summary([], Backtest())
    assert found["answered_share"] == 0 and found["answered_interval"] == [0, 1] and found["hours_saved"] == 0


def test_the_page_stands_by_itself_with_a_few_examples_of_each_outcome():
    rows = backtest.shortened(ROWS)
    assert 10 <= sum(bool(r["question"]) for r in rows) <= 5 * backtest.EXAMPLES
    page = backtest.page(rows, Backtest(), "Tents & Co")
    assert re.search("returns</td><td[^>]*>33</td><td[^>]*>3.3</td>", page)
    assert "<b>62 %</b>" in page and "Tents &amp; Co" in page and "not sure enough" in page and "question 60" in page
    assert "data:image/png;base64," in page and "http" not in page
    assert "reply 60" in page and "reply 61" in page and "reply 5" not in page  # beside the wrong ones alone


class Same:
    """An encoder that finds all texts alike, so that their figures decide."""

    def encode(self, texts):
        return np.ones((len(texts), 1))


def test_a_ticket_of_which_the_desk_named_no_entry_is_judged_by_what_the_colleague_said():
    def hit(name, answer):
        return Source(id=name, question="q", answer=answer, url=None, score=1.0)

    def reading(first):
        return Reading("q", Prediction(intent="", confidence=0.0, scope=1.0), (first,), ())

    test = pd.DataFrame(
        {"knowledge_id": ["a", "a", None, None, None], "reply": ["", "", "Within 30 days.", "Within 14 days.", ""]}
    )
    found = [hit("a", "x"), hit("b", "x"), *(hit("b", "Within 30 days.") for _ in range(3))]
    right = rightness.right(test.to_dict("records"), [reading(h) for h in found], 0, Same())
    assert right == [True, False, True, False, False]


def test_what_nobody_replied_to_is_not_judged_and_counts_in_no_share():
    test = pd.DataFrame(
        {
            "knowledge_id": ["a", None, None, None],
            "reply": ["", "Within 30 days.", "", None],
            "intent": [None, None, "out_of_scope", "returns"],
        }
    )
    assert rightness.known(test).tolist() == [True, True, True, False]
    half = [ticket(n, "right" if n % 2 else slices.UNJUDGED) for n in range(60)]
    language = next(row for row in slices.table(half) if row["slice"] == "language")
    assert language["cases"] == 60 and language["answered"].startswith("100.0 %")


def test_slices_count_all_and_judge_none_that_is_too_small():
    table = slices.table(ROWS)
    by = {(row["slice"], row["value"]): row for row in table}
    assert by["channel", "email"]["cases"] == 5 and by["channel", "email"]["answered"] == "too few"
    assert by["language", "en"]["cases"] == 100 and by["language", "en"]["answered"].startswith("62.0 % [")
    assert sum(row["cases"] for row in table if row["slice"] == "length") == 100
    new = [ticket(n, "right", newcomer=None if n > 80 else n < 30) for n in range(90)]
    customers = {r["value"]: r["cases"] for r in slices.table(new) if r["slice"] == "customer"}
    assert customers == {"new: wrote for the first time": 30, "wrote before": 51}
    unlabelled = slices.table([ticket(n, "right", intent=None, understood=None) for n in range(30)])
    assert all(row["slice"] != "intent" for row in unlabelled)
    assert {row["intent accuracy"] for row in unlabelled if row["cases"] >= slices.FEWEST} == {"no labels"}


def test_the_scorecard_page_shows_figures_pictures_and_what_was_skipped():
    card = {
        "scores": {"mrr": 0.9},
        "cases": {},
        "tables": {
            "tickets": ROWS,
            "slices": slices.table(ROWS),
            "intervals": [{"score": "mrr", "value": 0.9, "low": 0.85, "high": 0.94, "cases": 100}],
            "intent_pairs": [{"intent": "a", "said": "a", "times": 9}, {"intent": "a", "said": "b", "times": 1}],
        },
        "skipped": {"answers": "no <reply>"},
    }
    page = scorepage.page(card, [{"without": "TF-IDF", "difference": -0.02}])
    assert page.count("data:image/png;base64,") == 2 and "no &lt;reply&gt;" in page and "0.850 to 0.940" in page
    assert "<b>62.0 %</b>" in page and "<b>2.0 %</b>" in page  # the shares are those of the backtest
    plots = scorepage.plots(card)
    assert set(plots) == {"calibration.png", "confusion.png"} and plots["confusion.png"].startswith(b"\x89PNG")
    assert "question 1" not in page  # it travels in the bundle: nobody's words
    assert "Skipped" in scorepage.page({"scores": {}, "cases": {}, "tables": {}, "skipped": {"x": "y"}})


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (1, 1, 0.2065, 1.0)]
)
def test_wilson_intervals(hits, trials, low, high):
    found = wilson(hits, trials)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
