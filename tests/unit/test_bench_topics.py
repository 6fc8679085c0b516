"""The topics bench scores what it says it scores."""

import json

import numpy as np
import pytest

from deskloop.bench import topics as bench
from deskloop.errors import BadInput
from deskloop.settings import Settings

ASKED = {
    "refund": ("I want my money back for the {}", "please refund the {} and pay my money back"),
    "delivery": ("when does the parcel with the {} arrive", "the courier lost the parcel with the {}"),
}
THINGS = "tent jacket stove boots lamp rope mug bag hat scarf knife map saw cup pan kite".split()


@pytest.fixture
def settings(tiny_models):
    return Settings(model={"encoder": str(tiny_models.encoder)})


def rows(folder, asked):
    path = folder / "rows.jsonl"
    ways = [(intent, way.format(thing)) for thing in THINGS for intent, ways in asked.items() for way in ways]
    path.write_text("\n".join(json.dumps({"text": text, "intent": i, "reply": i}) for i, text in ways))
    return path


def test_hidden_labels_are_compared_with_and_without_replies_beside_the_peer(tmp_path, settings):
    found = bench.run(rows(tmp_path, ASKED), settings)
    assert (found["messages"], found["labels"]) == (64, 2)
    assert found["deskloop"]["train"]["purity"] == 1.0 and found["deskloop"]["retraining"]["names_kept"] > 1
    assert {"ami", "ami_all", "clear"} <= found["messages_alone"]["train"].keys()
    assert found["tfidf_kmeans"]["topics"] == 2 and 0 < found["tfidf_kmeans"]["train"]["ami"] <= 1


def test_scores_are_over_the_messages_that_have_a_topic():
    frame = bench._framed(["a"] * 4, ["x", "x", "y", "oos"], [""] * 4, ["train"] * 4)
    scores = bench._agreement(frame, np.array(["one", "one", "one", None], dtype=object))["train"]
    assert (scores["clear"], scores["purity"], scores["out_of_scope_left_out"]) == (0.75, 0.6667, 1.0)


def test_too_few_rows_are_told(tmp_path, settings):
    with pytest.raises(BadInput, match="give more rows"):
        bench.run(rows(tmp_path, {"refund": ASKED["refund"][:1]}), settings)
