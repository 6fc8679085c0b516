"""An interrupted fine-tuning run picks up here: adapter weights, Adam's moments, the best weights, the curve.

One safetensors file per run, written atomically, named by a digest of everything the run depends on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deskloop.store import write_atomic


@dataclass
class Curve:
    """What a run has seen so far. Losses are nats per supervised token."""

    losses: list[float] = field(default_factory=list)  # of each step, before its update
    checks: list[tuple[int, float]] = field(default_factory=list)  # (steps done, validation loss)

    @property
    def best(self) -> float:
        """The lowest validation loss."""
        return min((loss for _, loss in self.checks), default=float("inf"))

    @property
    def since_best(self) -> int:
        """Checks after the one with the lowest loss."""
        losses = [loss for _, loss in self.checks]
        return len(losses) - 1 - losses.index(self.best) if losses else 0


@dataclass(frozen=True)
class Slot:
    """Place of one run's checkpoint."""

    folder: Path
    key: str

    @property
    def path(self) -> Path:
        """The checkpoint file."""
        return self.folder / f"{self.key}.safetensors"

    def save(self, masters: Sequence[Any], best: Sequence[Any], optimiser: Any, curve: Curve) -> None:
        """Keep the run as it is after `len(curve.losses)` steps."""
        from safetensors.torch import save

        tensors: dict[str, Any] = {}
        for i, (master, kept) in enumerate(zip(masters, best, strict=True)):
            state = optimiser.state[master]
            tensors |= {f"{i}.weight": master.detach(), f"{i}.best": kept}
            tensors |= {f"{i}.first": state["exp_avg"], f"{i}.second": state["exp_avg_sq"]}
        stored = {name: tensor.cpu() for name, tensor in tensors.items()}
        write_atomic(self.path, save(stored, {"curve": json.dumps(asdict(curve))}))

    def restore(self, masters: Sequence[Any], best: Sequence[Any], optimiser: Any) -> Curve:
        """Put weights and moments back in place. Returns the curve so far; empty if there is nothing."""
        if not self.path.is_file():
            return Curve()
        import torch
        from safetensors import safe_open

        with safe_open(self.path, "pt") as stored:
            told = json.loads(stored.metadata()["curve"])
            curve = Curve(told["losses"], [(step, loss) for step, loss in told["checks"]])
            for i, (master, kept) in enumerate(zip(masters, best, strict=True)):
                master.data.copy_(stored.get_tensor(f"{i}.weight"))
                kept.copy_(stored.get_tensor(f"{i}.best"))
                optimiser.state[master] = {
                    "step": torch.tensor(float(len(curve.losses))),
                    "exp_avg": stored.get_tensor(f"{i}.first").to(master.device),
                    "exp_avg_sq": stored.get_tensor(f"{i}.second").to(master.device),
                }
        return curve

    def clear(self) -> None:
        """Forget the run; it is finished."""
        self.path.unlink(missing_ok=True)
