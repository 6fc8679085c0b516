"""An interrupted fine-tuning run picks up here: adapter weights, Adam's moments and the loss curve.

One safetensors file per run, written atomically, named by a digest of everything the run depends on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskloop.store import write_atomic


@dataclass(frozen=True)
class Slot:
    """Place of one run's checkpoint."""

    folder: Path
    key: str

    @property
    def path(self) -> Path:
        """The checkpoint file."""
        return self.folder / f"{self.key}.safetensors"

    def save(self, masters: list[Any], optimiser: Any, curve: list[float]) -> None:
        """Keep the run as it is after `len(curve)` steps."""
        from safetensors.torch import save

        tensors = {}
        for i, master in enumerate(masters):
            state = optimiser.state[master]
            tensors[f"{i}.weight"] = master.detach()
            tensors[f"{i}.first"], tensors[f"{i}.second"] = state["exp_avg"], state["exp_avg_sq"]
        write_atomic(self.path, save(tensors, {"curve": json.dumps(curve)}))

    def restore(self, masters: list[Any], optimiser: Any) -> list[float]:
        """Put weights and moments back in place. Returns the losses so far; empty if there is nothing."""
        if not self.path.is_file():
            return []
        import torch
        from safetensors import safe_open

        with safe_open(self.path, "pt") as stored:
            curve: list[float] = json.loads(stored.metadata()["curve"])
            for i, master in enumerate(masters):
                master.data.copy_(stored.get_tensor(f"{i}.weight"))
                optimiser.state[master] = {
                    "step": torch.tensor(float(len(curve))),
                    "exp_avg": stored.get_tensor(f"{i}.first"),
                    "exp_avg_sq": stored.get_tensor(f"{i}.second"),
                }
        return curve

    def clear(self) -> None:
        """Forget the run; it is finished."""
        self.path.unlink(missing_ok=True)
