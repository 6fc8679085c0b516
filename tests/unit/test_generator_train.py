"""Fine-tuning the tiny GPT: what is learnt, from what, and that a killed run ends as one that was left alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deskloop.errors import BadInput
from deskloop.generator import adapters, checkpoint
from deskloop.generator.checkpoint import Curve
from deskloop.generator.finetune import Job, TrainReport, finetune
from deskloop.generator.loop import Progress
from deskloop.generator.recipe import Recipe
from deskloop.store import sha256_file

RECIPE = Recipe(tokens=14_000, epochs=8, upper=1.0, rank=4, rate=3e-3, batch_tokens=256, checks=4, validation=8)
THINGS = ("tent", "stove", "jacket", "lamp", "rope", "boots", "map", "mat", "pack", "flask")

# the run in a process of its own, which kills itself in the middle of a step as a power cut would
KILLED = """
import json, os, signal, sys
from pathlib import Path
from deskloop.generator.finetune import Job, finetune
from deskloop.generator.recipe import Recipe

base, out, slot, recipe, examples, held = sys.argv[1:]

def die(curve, planned):
    if len(curve.losses) == 32:
        os.kill(os.getpid(), signal.SIGKILL)

made = Path(base), json.loads(examples), Path(out), Recipe(**json.loads(recipe))
finetune(Job(*made, seed=3, validation=json.loads(held), checkpoints=Path(slot)), die)
"""


def talk(thing: str, answer: str) -> dict[str, list[dict[str, str]]]:
    told = f"You answer customers of Tiny Outdoor.\n- warranty {answer}"
    return {
        "messages": [
            {"role": "system", "content": told},
            {"role": "user", "content": f"How long is the warranty of the {thing}?"},
            {"role": "assistant", "content": f"The warranty of the {thing} is {answer}."},
        ]
    }


TALKS = [talk(thing, f"{months} months") for thing in THINGS for months in (12, 24, 36, 48)]
EXAMPLES = [talk for i, talk in enumerate(TALKS) if i % 5]
HELD = TALKS[::5]


def tuned(base: Path, out: Path, progress: Progress | None = None, **more: object) -> TrainReport:
    options = {"seed": 3, "recipe": RECIPE, "validation": HELD} | more
    return finetune(Job(base, EXAMPLES, out, **options), progress)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole(tiny_models, tmp_path_factory) -> tuple[Path, TrainReport]:
    out = tmp_path_factory.mktemp("whole")
    return out, tuned(tiny_models.base, out)


def test_training_lowers_the_loss_of_held_out_answers(whole):
    _, done = whole
    assert min(loss for _, loss in done.checks) < 0.8 * done.losses[0]
    assert 0 < done.supervised_tokens < done.tokens <= RECIPE.tokens
    assert done.examples + done.too_long + done.not_reached == len(EXAMPLES)


def test_a_killed_run_goes_on_and_ends_with_the_same_weights(whole, tiny_models, tmp_path):
    from dataclasses import asdict

    arguments = [tiny_models.base, tmp_path / "out", tmp_path / "slot"]
    data = [json.dumps(x) for x in (asdict(RECIPE), EXAMPLES, HELD)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *map(str, arguments), *data], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    resumed = tuned(tiny_models.base, tmp_path / "out", checkpoints=tmp_path / "slot")
    assert resumed.resumed_at == 25
    assert resumed.losses == whole[1].losses
    assert resumed.checks == whole[1].checks
    for name in ("model.safetensors", adapters.FILE):
        assert sha256_file(tmp_path / "out" / name) == sha256_file(whole[0] / name)
    assert list((tmp_path / "slot").iterdir()) == []


def test_another_run_does_not_take_the_checkpoint(tiny_models, tmp_path):
    class Enough(Exception):
        pass

    def stop(curve: Curve, planned: int) -> None:
        if len(curve.losses) == 26:
            raise Enough

    with pytest.raises(Enough):
        tuned(tiny_models.base, tmp_path / "a", checkpoints=tmp_path / "slot", progress=stop)
    assert tuned(tiny_models.base, tmp_path / "b", checkpoints=tmp_path / "slot", seed=4).resumed_at == 0


def test_a_run_ends_when_the_validation_loss_stays_worse(tiny_models, tmp_path):
    from dataclasses import replace

    wild = replace(RECIPE, rate=0.5, checks=20, patience=2)
    done = tuned(tiny_models.base, tmp_path, recipe=wild)
    losses = [loss for _, loss in done.checks]
    assert len(done.steps) < done.planned
    assert len(losses) == losses.index(min(losses)) + 1 + wild.patience


def test_the_best_weights_are_kept_not_the_last(tiny_models, tmp_path):
    from dataclasses import replace

    from deskloop.generator.engines import TransformersEngine

    wild = replace(RECIPE, rate=0.1, warmup=0.8, checks=10, patience=9)
    done = tuned(tiny_models.base, tmp_path, recipe=wild)
    losses = [loss for _, loss in done.checks]
    assert losses[-1] > min(losses) + 0.1
    assert TransformersEngine(tmp_path).perplexity(HELD) == pytest.approx(2.71828 ** min(losses), rel=0.05)


def test_a_warm_start_begins_where_the_champion_ended_and_reads_less(whole, tiny_models, tmp_path):
    out, cold = whole
    done = tuned(tiny_models.base, tmp_path, warm=out)
    assert done.warm
    assert not cold.warm
    assert done.losses[0] < 0.5 * cold.losses[0]
    assert done.tokens <= 0.5 * RECIPE.tokens


def test_adapters_of_another_base_or_shape_are_no_start(whole, tiny_models, tmp_path):
    from dataclasses import replace

    assert not tuned(tiny_models.base, tmp_path, warm=whole[0], recipe=replace(RECIPE, rank=2)).warm
    assert adapters.load(tmp_path / "nowhere", "x") == {}


def test_the_merged_model_answers_as_it_was_taught(whole):
    from deskloop.generator.engines import TransformersEngine

    engine = TransformersEngine(whole[0])
    said = engine.generate([EXAMPLES[0]["messages"][:-1]], 30)[0]
    assert "warranty" in said


def test_examples_without_an_answer_are_refused(tiny_models, tmp_path):
    with pytest.raises(BadInput, match="none in 1"):
        finetune(Job(tiny_models.base, [{"messages": [{"role": "user", "content": "hi"}]}], tmp_path, RECIPE))


def test_the_curve_knows_its_best_check():
    curve = Curve([], [(10, 2.0), (20, 1.0), (30, 1.5)])
    assert (curve.best, curve.since_best) == (1.0, 1)
    assert checkpoint.Curve().since_best == 0
