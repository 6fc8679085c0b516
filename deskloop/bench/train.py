"""`deskloop bench train`: our fine-tuning against a plain transformers `Trainer` with peft's LoRA, in one run.

Both learn the same batches of the sample shop's examples in the same order, with the same adapters, optimiser,
learning rates and dtype, each run in a process of its own; then the same code takes their loss on held-out
examples. Our runs and the peer's alternate, so that a busy machine slows both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from deskloop.bench import shop
from deskloop.errors import BadInput
from deskloop.generator.base import base_path
from deskloop.settings import Settings

TOKENS = 24_000  # read in one run
HELD = 100  # examples of the validation split
SIDES = ("ours", "trainer")


def run(settings: Settings, runs: int = 3, tokens: int = TOKENS) -> dict[str, Any]:
    """Medians over `runs`: non-padding tokens per second of the training loop alone, peak bytes of the process."""
    with tempfile.TemporaryDirectory(prefix="deskloop-bench-") as folder:
        spec = _spec(Path(folder), settings, tokens)
        taken: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        for turn in range(runs):
            for side in SIDES[:: 1 if turn % 2 == 0 else -1]:
                taken[side].append(_apart(side, spec))
    sides = {side: _middle(taken[side]) for side in SIDES}
    rates = {side: [t["tokens_per_second"] for t in taken[side]] for side in SIDES}
    return {
        "speedup": sides["ours"]["tokens_per_second"] / sides["trainer"]["tokens_per_second"],
        "speedup_by_run": [round(a / b, 3) for a, b in zip(rates["ours"], rates["trainer"], strict=True)],
        **sides,
        "runs": runs,
    }


def _spec(folder: Path, settings: Settings, tokens: int) -> Path:
    """What both sides read: examples to learn, held-out ones, and where the base lies."""
    made = shop.make(folder / "shop", settings)
    path = folder / "spec.json"
    values = {
        "base": str(base_path(settings).resolve()),
        "out": str(folder / "out"),
        "examples": made.examples("train"),
        "held": made.examples("validation")[:HELD],
        "recipe": {"tokens": tokens, "checks": 1},
        "effort": settings.effort,
        "seed": settings.model.seed,
    }
    path.write_text(json.dumps(values), "utf-8")
    return path


def _apart(side: str, spec: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "deskloop.bench.training", side, str(spec)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BadInput(f"the run of {side} ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _middle(taken: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each number; what is no number is the same in every run."""
    first = taken[0]
    numbers = {name for name, value in first.items() if isinstance(value, (int, float))}
    return {name: median(t[name] for t in taken) if name in numbers else value for name, value in first.items()}
