"""Hand labels tell how often the automatic metric errs, each way."""

import json
from pathlib import Path

import pytest

from deskloop.bench.labels import disagreement
from deskloop.errors import BadInput

CASES = [{"id": "c1", "knowledge_id": "a"}, {"id": "c2", "knowledge_id": "b"}, {"id": "c3", "knowledge_id": None}]


def written(folder, *labels):
    path = folder / "labels.jsonl"
    path.write_text(
        "".join(json.dumps(dict(zip(("id", "entries", "label"), row, strict=True))) + "\n" for row in labels)
    )
    return path


def test_both_ways_of_erring_are_counted(tmp_path):
    labels = written(
        tmp_path,
        ("c1", ["a"], "right"),
        ("c2", ["b"], "wrong"),  # the gold entry, but no answer to what was asked
        ("c2", ["a"], "right"),  # another entry that says the same
        ("c3", ["a", "b"], "wrong"),
        ("gone", ["a"], "right"),
    )
    assert disagreement(labels, CASES) == {
        "labelled": 4,
        "unmatched": 1,
        "metric_right_hand_wrong": 1,
        "metric_right": 2,
        "metric_wrong_hand_right": 1,
        "metric_wrong": 2,
    }


def test_another_label_is_refused(tmp_path):
    with pytest.raises(BadInput, match="wanted right or wrong"):
        disagreement(written(tmp_path, ("c1", ["a"], "so so")), CASES)


def test_two_hundred_answers_of_the_sample_shop_are_labelled_without_anybodys_words():
    path = Path(__file__).parents[2] / "benchmarks/shop/labels.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len({row["id"] for row in rows}) == len(rows) == 200
    assert all(row.keys() == {"id", "entries", "label", "why"} for row in rows)
    assert all(row["label"] in ("right", "wrong") and row["why"].isalpha() for row in rows)
    found = disagreement(path, [{"id": row["id"], "knowledge_id": row["entries"][0]} for row in rows])
    assert (found["labelled"], found["unmatched"]) == (200, 0)
