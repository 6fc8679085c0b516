"""Fine-tune the base model on the desk's own answers with LoRA, fast enough for a CPU.

Chooses what a run reads, starts or resumes it (see `loop`), and writes the merged model with a report.
Knows nothing about where examples come from or where the result goes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from deskloop import memory
from deskloop.errors import BadInput
from deskloop.generator import adapters, plan
from deskloop.generator.chat import Chat, Encoded
from deskloop.generator.checkpoint import Curve, Slot
from deskloop.generator.export import save_merged
from deskloop.generator.loop import ALONE, Loop, Progress
from deskloop.generator.recipe import RECIPES, Recipe
from deskloop.generator.team import Team

Example = Mapping[str, Any]
KERNELS = "64"  # compiled matrix kernels that oneDNN keeps: its usual 1,024 grow by 10 MB a step


@dataclass(frozen=True)
class Job:
    """What to fine-tune, on what, and how.

    `base` is in Hugging Face layout, and the merged model is written to `out` in the same. Examples are
    [{"messages": [...]}]; the loss is on the assistant's turns alone. With `validation` examples the best weights
    are kept, and the run ends when they stay the best. A run that was interrupted goes on from `checkpoints` if
    everything it depends on is the same. `warm` is a folder that an earlier run wrote: where base and shape of the
    adapters are the same, it goes on from those with fewer tokens.
    """

    base: Path
    examples: Sequence[Example]
    out: Path
    recipe: Recipe = RECIPES["quick"]
    seed: int = 17
    validation: Sequence[Example] = ()
    checkpoints: Path | None = None
    warm: Path | None = None


@dataclass(frozen=True)
class TrainReport:
    """What a run did. Losses are nats per supervised token, before the step's update."""

    steps: tuple[int, ...]
    losses: tuple[float, ...]
    checks: tuple[tuple[int, float], ...]  # (steps done, validation loss)
    planned: int  # steps; fewer were done if the validation loss stayed worse
    tokens: int  # read by the model, padding left out, repetitions counted
    supervised_tokens: int  # of answers, repetitions counted
    examples: int
    too_long: int  # or without an answer: can never be learnt from
    not_reached: int  # beyond the effort's token budget
    epochs: float
    seconds: float  # of the loop alone
    tokens_per_second: float
    trainable: int
    precision: str
    device: str
    processes: int
    resumed_at: int
    warm: bool  # adapters started from an earlier run's
    recipe: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def finetune(job: Job, progress: Progress | None = None, team: Team = ALONE) -> TrainReport:
    """Do the job; `progress` is called after each step.

    Each process of a `team` calls it with the same job; the one that leads writes.
    Raises BadInput if no example has an answer.
    """
    memory.wait_asleep()
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", KERNELS)
    made_for = adapters.identity(job.base, job.recipe)
    start = adapters.load(job.warm, made_for)
    recipe = _fitted(job.recipe, bool(start))
    encoded, held = (_encoded(job.base, some) for some in (job.examples, job.validation[: recipe.validation]))
    batches = plan.batches(encoded, recipe, job.seed)
    if not batches:
        raise BadInput(f"fine-tuning needs examples with an answer, got none in {len(job.examples)}; add sources")
    model, weights = adapters.adapted(job.base, recipe, job.seed)
    for name, tensor in start.items():
        weights[name].data.copy_(tensor)
    key = _run_key(made_for, [*encoded, *held], recipe, job.seed, start)
    slot = Slot(job.checkpoints, key) if job.checkpoints else None
    loop = Loop(model, list(weights.values()), recipe, encoded, batches, held, slot, team)
    curve, seconds, resumed = loop.run(progress)
    if team.leads:
        save_merged(model, job.base, job.out)
        adapters.save(dict(zip(weights, loop.best if held else loop.masters, strict=True)), made_for, job.out)
        if slot:
            slot.clear()
    facts = {
        "trainable": sum(w.numel() for w in weights.values()),
        "precision": str(model.dtype).removeprefix("torch."),
        "device": str(model.device),
        "processes": team.size,
        "warm": bool(start),
        "seconds": round(seconds, 2),
        "resumed_at": resumed,
        "recipe": asdict(recipe),
    }
    del model, weights, loop
    memory.give_back()
    return TrainReport(**_counted(encoded, batches, curve, recipe, resumed, seconds), **facts)


def _encoded(base: Path, examples: Sequence[Example]) -> list[Encoded]:
    chat = Chat.load(base)
    return [chat.encode(example["messages"]) for example in examples]


def _fitted(recipe: Recipe, warm: bool) -> Recipe:
    """The recipe for this machine and start."""
    if warm:
        recipe = replace(recipe, tokens=int(recipe.tokens * recipe.warm), rate=recipe.rate * recipe.warm)
    if adapters.device() == "cuda":
        recipe = replace(recipe, batch_tokens=recipe.batch_tokens * recipe.gpu)
    return recipe


def _counted(
    encoded: Sequence[Encoded], batches: list[list[int]], curve: Curve, recipe: Recipe, resumed: int, seconds: float
) -> dict[str, Any]:
    """The report's counts over the steps that were done."""
    done = batches[: len(curve.losses)]
    seen = [encoded[i] for batch in done for i in batch]
    unique = len({i for batch in done for i in batch})
    unfit = sum(not e.supervised or len(e.ids) > recipe.longest for e in encoded)
    fresh = sum(len(encoded[i].ids) for batch in done[resumed:] for i in batch)
    return {
        "steps": tuple(range(1, len(done) + 1)),
        "losses": tuple(round(loss, 4) for loss in curve.losses),
        "checks": tuple((step, round(loss, 4)) for step, loss in curve.checks),
        "planned": len(batches),
        "tokens": sum(len(e.ids) for e in seen),
        "supervised_tokens": sum(e.supervised for e in seen),
        "examples": unique,
        "too_long": unfit,
        "not_reached": len(encoded) - unfit - unique,
        "epochs": round(len(seen) / unique, 2),
        "tokens_per_second": round(fresh / max(seconds, 1e-9), 1),
    }


def _run_key(made_for: str, encoded: Sequence[Encoded], recipe: Recipe, seed: int, start: Mapping[str, Any]) -> str:
    """Digest of all that a run depends on, the versions of what computes it left out."""
    what = [made_for, [e.ids for e in encoded], asdict(recipe), seed]
    digest = hashlib.sha256(json.dumps(what).encode())
    for name in sorted(start):
        digest.update(start[name].numpy().tobytes())
    return digest.hexdigest()[:24]
