"""The benches of training and serving measure both sides on the same work."""

from __future__ import annotations

import json

import pytest

from deskloop.bench import serve, train, training
from deskloop.generator import adapters
from deskloop.generator.engines import TransformersEngine

EXAMPLES = [
    {
        "messages": [
            {"role": "user", "content": f"How long is the warranty of the {thing}?"},
            {"role": "assistant", "content": f"The warranty of the {thing} is 24 months."},
        ]
    }
    for thing in ("tent", "stove", "jacket", "lamp", "rope", "boots", "map", "mat") * 4
]


@pytest.fixture
def spec(tiny_models, tmp_path):
    recipe = {"tokens": 4_000, "epochs": 4, "upper": 1.0, "batch_tokens": 256, "checks": 1}
    values = {"base": str(tiny_models.base), "out": str(tmp_path / "out"), "examples": EXAMPLES, "held": EXAMPLES[:8]}
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(values | {"recipe": recipe, "effort": "quick", "seed": 3}))
    return path


def test_both_sides_read_the_same_and_reach_the_same_loss(spec):
    sides = {side: train._apart(side, spec) for side in train.SIDES}
    ours, theirs = sides["ours"], sides["trainer"]
    assert (ours["tokens"], ours["steps"], ours["dtype"]) == (theirs["tokens"], theirs["steps"], theirs["dtype"])
    assert ours["held_out_loss"] == pytest.approx(theirs["held_out_loss"], rel=0.1)
    assert min(ours["peak_memory_mb"], theirs["peak_memory_mb"]) > 100


def test_a_side_that_fails_is_told(tmp_path):
    (tmp_path / "spec.json").write_text("{}")
    with pytest.raises(train.BadInput, match="ours ended with 1"):
        train._apart("ours", tmp_path / "spec.json")


def test_medians_leave_words_alone():
    assert train._middle([{"a": 1, "d": "x"}, {"a": 5, "d": "x"}, {"a": 2, "d": "x"}]) == {"a": 2, "d": "x"}


def test_an_engine_is_measured_with_several_users(tiny_models):
    engine = TransformersEngine(tiny_models.base)
    asked = [example["messages"][:1] for example in EXAMPLES[:6]]
    found = serve._measured(engine, asked, 3)
    assert found["requests_per_second"] > 0
    assert found["first_text_ms_p50"] <= found["first_text_ms_p95"]


def test_peak_memory_is_that_of_this_process():
    assert training.peak_memory() > 50 * 2**20
    assert adapters.device() in ("cpu", "cuda")
