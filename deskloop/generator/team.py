"""Processes that learn the same batches together, one on each GPU, as `accelerate launch` starts them.

Each reads its share of a batch, and all add up their gradients, so that any number of them takes the same steps as
one alone, but for rounding. Knows tensors; nothing about models or files.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Team:
    """Which of how many processes this is."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Does this process write files and tell of the run?"""
        return self.rank == 0

    def share(self, rows: Sequence[T]) -> Sequence[T]:
        """This process's part of the rows; those of like length that stand together are spread evenly."""
        return rows[self.rank :: self.size]

    def add_up(self, tensors: Sequence[Any]) -> None:
        """Replace each float32 tensor by its sum over all processes; all must call it with the same shapes."""
        if self.size == 1:
            return
        import torch
        from accelerate.utils import reduce

        flat: Any = reduce(torch.cat([tensor.reshape(-1) for tensor in tensors]), "sum")
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))


def join() -> Team:
    """The team that this process was started in; a team of one where it was started alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Team()
    import torch
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available())
    return Team(state.process_index, state.num_processes)


def leave() -> None:
    """Close the connections to the others; each calls it at its end."""
    import torch.distributed as others

    if others.is_available() and others.is_initialized():
        others.destroy_process_group()
