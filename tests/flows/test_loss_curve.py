"""The picture of the loss stands in the dashboard while the model learns, and grows there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deskloop.generator.checkpoint import Curve
from deskloop.generator.finetune import Job, finetune
from deskloop.generator.recipe import Recipe

RECIPE = Recipe(tokens=1_500, epochs=4, upper=1.0, rank=2, batch_tokens=128, checks=2, validation=4)
TALKS = [
    {
        "messages": [
            {"role": "user", "content": f"How long is the warranty of the {thing}?"},
            {"role": "assistant", "content": f"The warranty of the {thing} is 24 months."},
        ]
    }
    for thing in ("tent", "stove", "jacket", "lamp", "rope", "boots", "map", "mat", "pack", "flask")
]


def test_the_curve_is_live(tiny_models: Any, tmp_path: Path) -> None:
    from prefect import flow
    from prefect.artifacts import Artifact

    from tasks.report import LossCurve

    seen: list[Any] = []
    drawing = LossCurve(every=0)

    def progress(curve: Curve, planned: int) -> None:
        drawing.show(curve, planned)
        if len(curve.losses) <= 3:
            seen.append(Artifact.get("loss-curve"))

    @flow(name="learn")
    def learn() -> Any:
        done = finetune(Job(tiny_models.base, TALKS[2:], tmp_path, RECIPE, validation=TALKS[:2]), progress)
        drawing.finish(done)
        return done

    done = learn()
    assert [artifact.description for artifact in seen] == [f"step {n} of {done.planned}" for n in (1, 2, 3)]
    assert len({artifact.id for artifact in seen}) == 1
    assert len({artifact.data for artifact in seen}) == 3
    last = Artifact.get("loss-curve")
    assert last is not None and last.id == seen[0].id
    assert f"{done.supervised_tokens} supervised tokens" in (last.description or "")
