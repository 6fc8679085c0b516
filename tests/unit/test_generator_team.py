"""Several processes learn what one alone would, and batches hold examples that never see each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deskloop.errors import BadInput
from deskloop.generator import adapters, loop, parallel, plan
from deskloop.generator.chat import IGNORED, Chat, Encoded
from deskloop.generator.checkpoint import Curve
from deskloop.generator.finetune import Job, finetune
from deskloop.generator.recipe import Recipe
from deskloop.generator.team import Team

RECIPE = Recipe(tokens=3_000, epochs=4, upper=1.0, rank=4, rate=3e-3, batch_tokens=256, checks=2, validation=4)
TALKS = [
    {
        "messages": [
            {"role": "user", "content": f"{'Please, h' * (i % 3)}How long is the warranty of the {thing}?"},
            {"role": "assistant", "content": f"The warranty of the {thing} is {12 * (1 + i % 4)} months."},
        ]
    }
    for i, thing in enumerate(("tent", "stove", "jacket", "lamp", "rope", "boots", "map", "mat", "pack", "flask") * 2)
]


def test_two_processes_started_by_accelerate_take_the_steps_of_one(tiny_models, tmp_path: Path) -> None:
    job = Job(tiny_models.base, TALKS[4:], tmp_path / "alone", RECIPE, validation=TALKS[:4])
    alone = finetune(job)
    seen: list[tuple[int, int]] = []

    def progress(curve: Curve, planned: int) -> None:
        seen.append((len(curve.losses), planned))

    both = parallel.learn(replace(job, out=tmp_path / "both"), progress, count=2)
    assert (both.processes, alone.processes) == (2, 1)
    assert seen == [(step, alone.planned) for step in alone.steps]
    assert both.losses == pytest.approx(alone.losses, rel=0.02)
    assert [step for step, _ in both.checks] == [step for step, _ in alone.checks]
    assert both.checks[-1][1] == pytest.approx(alone.checks[-1][1], rel=0.02)
    assert both.losses[-1] < 0.9 * both.losses[0]
    for name in ("model.safetensors", adapters.FILE):
        assert (tmp_path / "both" / name).stat().st_size == (tmp_path / "alone" / name).stat().st_size


def test_what_the_processes_refuse_is_refused_here(tiny_models, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none in 1"):
        parallel.learn(Job(tiny_models.base, [{"messages": TALKS[0]["messages"][:1]}], tmp_path, RECIPE), count=2)


def test_shares_of_a_team_are_all_of_it_and_disjoint() -> None:
    rows = list(range(7))
    assert sorted(row for rank in range(3) for row in Team(rank, 3).share(rows)) == rows
    assert Team().share(rows) == rows


@pytest.fixture(scope="module")
def model(tiny_models):
    return adapters.adapted(tiny_models.base, RECIPE, 3)[0].eval().float()  # no rounding hides a leak


@pytest.fixture(scope="module")
def encoded(tiny_models) -> list[Encoded]:
    chat = Chat.load(tiny_models.base)
    return [chat.encode(talk["messages"]) for talk in TALKS]


def total(model, batch: list[Encoded]) -> float:
    return float(loop.loss(model, batch, "sum").detach())


def test_an_example_is_learnt_the_same_whatever_shares_its_batch(model, encoded: list[Encoded]) -> None:
    """Neither the neighbours of a batch nor its padding reach an example's loss."""
    batches = plan.batches(encoded, RECIPE, 3)
    assert any(len({len(encoded[i].ids) for i in batch}) > 1 for batch in batches)  # there is padding
    for batch in batches[:4]:
        alone = [total(model, [encoded[i]]) for i in batch]
        assert total(model, [encoded[i] for i in batch]) == pytest.approx(sum(alone), rel=1e-4)


def test_glued_into_one_row_examples_would_reach_each_other(model, encoded: list[Encoded]) -> None:
    """The measure above sees it: it fails for batches packed without regard to where an example ends."""
    first, second = encoded[:2]
    glued = Encoded(first.ids + second.ids, first.labels + second.labels)
    alone = total(model, [first]) + total(model, [second])
    assert total(model, [glued]) != pytest.approx(alone, rel=1e-3)


def test_only_the_answer_is_learnt(model, encoded: list[Encoded]) -> None:
    """Another label of any token of a question leaves the loss as it is; one of the answer does not."""
    example = encoded[0]
    assert 0 < example.supervised < len(example.ids)
    chat = "".join(chr(65 + (label != IGNORED)) for label in example.labels)
    assert chat.strip("A") == "B" * example.supervised  # one stretch: the answer and its end
    last = max(i for i, label in enumerate(example.labels) if label != IGNORED)
    wrong = replace(example, labels=(*example.labels[:last], example.ids[0], *example.labels[last + 1 :]))
    assert total(model, [wrong]) != pytest.approx(total(model, [example]), rel=1e-3)


def test_little_of_a_step_is_padding(encoded: list[Encoded]) -> None:
    batches = plan.batches(encoded, RECIPE, 3)
    read = sum(len(encoded[i].ids) for batch in batches for i in batch)
    padded = sum(len(batch) * max(len(encoded[i].ids) for i in batch) for batch in batches)
    assert 1 - read / padded < 0.25
