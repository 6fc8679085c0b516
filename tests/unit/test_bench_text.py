"""The text benches score what they say they score."""

import json

import pytest

from deskloop.bench import email, pii, signatures
from deskloop.errors import BadInput


def cases(tmp_path, *rows):
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_email_counts_equal_replies(tmp_path):
    path = cases(
        tmp_path,
        {"email": "Yes.\n\n\nPlease.\n\nOn 1 May 2025, A wrote:\n> Shall we?", "reply": "Yes.\n\nPlease.\n"},
        {"email": "one two", "reply": "one three"},
    )
    assert email.run(path) == {"exact": 1, "token_f1": 0.75, "cases": 2}


def test_signatures_score_lines(tmp_path):
    found = signatures.run(cases(tmp_path, {"email": "Call me.\n\nThanks,\nAnna", "signature_line": [0, 0, 1, 1]}))
    assert (found["f1"], found["lines"]) == (1.0, 4)


def test_pii_scores_overlap(tmp_path):
    row = {"text": "Mail a@example.com, Bob", "spans": [{"type": "EMAIL_ADDRESS", "start": 5, "end": 18},
                                                      {"type": "PERSON", "start": 20, "end": 23}]}  # fmt: skip
    found = pii.run(cases(tmp_path, row), ner=False)
    assert (found["recall"], found["precision"], found["structured_recall"]) == (0.5, 1.0, 1.0)


@pytest.mark.parametrize("bench", [email, signatures, pii])
def test_rows_of_another_shape_are_told(tmp_path, bench):
    with pytest.raises(BadInput, match="row 1"):
        bench.run(cases(tmp_path, {"text": "x"}))
