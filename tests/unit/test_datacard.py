"""The data card tells the counts, stands by itself, and repeats nobody's words; the samples are beside it."""

import pandas as pd

from deskloop import datacard

COUNTS = {
    "after_cut": 3,
    "customers_crossing": 0,
    "read": 5,
    "accepted": 3,
    "quarantined": 2,
    "messages": 3,
    "labelled": 2,
    "entry_named": 1,
    "entry_quoted": 0,
    "test_digest": "ab12",
    "sources": {"chats": {"read": 5, "accepted": 3, "quarantined": 2}},
    "reasons": {"spam": 1, "too <short>": 1},
    "routed": 1,
    "attachments": {"application/pdf": 2},
    "languages": {"en": 3},
}
MESSAGES = pd.DataFrame(
    {
        "source": "chats",
        "split": ["train", "train", "test"],
        "intent": ["returns", None, "delivery"],
        "text": ["can I send the tent back", "my <EMAIL_ADDRESS_1> is new", "where is the tent"],
        "reply": ["Yes.", "", "On its way."],
        "at": ["2026-01-02T10:00:00+00:00", None, "2026-03-02T10:00:00+00:00"],
        "synthetic": False,
    }
)
QUARANTINE = pd.DataFrame({"source": "chats", "reason": ["spam", "too <short>"], "excerpt": ["buy now", "hm"]})


def test_the_card_counts_and_quotes_nobody(tmp_path):
    assert datacard.save(tmp_path, COUNTS, MESSAGES, QUARANTINE) == 3
    page = (tmp_path / datacard.PAGE).read_text("utf-8")
    assert "<b>5</b> rows read = <b>3</b> accepted" in page and "ab12" in page and "too &lt;short&gt;" in page
    assert "0 customers wrote messages of more than one split. 3 conversations as late as the test" in page
    assert "the tent" not in page and "buy now" not in page
    assert "data:image/png;base64," in page and "http" not in page


def test_the_samples_are_redacted_and_escaped(tmp_path):
    datacard.save(tmp_path, COUNTS, MESSAGES, QUARANTINE)
    page = (tmp_path / datacard.SAMPLES).read_text("utf-8")
    assert "&lt;EMAIL_ADDRESS_1&gt;" in page and "buy now" in page


def test_nothing_kept_is_a_card_too(tmp_path):
    counts = COUNTS | {"accepted": 0, "messages": 0, "labelled": 0, "languages": {}}
    assert datacard.save(tmp_path, counts, MESSAGES[:0], QUARANTINE) == 0
