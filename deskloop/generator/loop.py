"""The training loop: steps, validation, early stopping and checkpoints. Knows tensors; nothing about files of models.

What makes it fast, without changing what is learnt: bfloat16 products where the hardware has them, adapters on
the upper layers alone so that the backward pass stops half way, logits at answer positions only, batches of
like length without a mask, and plain instead of fused attention on a CPU (see `attention`). Adapter weights are
kept in float32 beside their bfloat16 copies, or small updates would be lost.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from deskloop import memory
from deskloop.generator.chat import IGNORED, Encoded
from deskloop.generator.checkpoint import Curve, Slot
from deskloop.generator.recipe import Recipe
from deskloop.generator.team import Team

Progress = Callable[[Curve, int], None]  # the curve so far, and the steps planned
SAVE_EVERY = 25  # steps
ALONE = Team()
TRIM_EVERY = 4  # steps: batches of ever other shapes leave the heap in pieces, a gigabyte in a hundred steps
ROUND = 16  # padded lengths are multiples of it: the matrix library compiles and keeps code for each new shape


@dataclass
class Loop:
    """One run over `batches` of `encoded`: the model, its adapter weights, and where the run saves itself."""

    model: Any
    weights: Sequence[Any]
    recipe: Recipe
    encoded: Sequence[Encoded]
    batches: Sequence[Sequence[int]]
    validation: Sequence[Encoded] = ()
    slot: Slot | None = None
    team: Team = ALONE
    masters: list[Any] = field(init=False)
    best: list[Any] = field(init=False)
    optimiser: Any = field(init=False)

    def __post_init__(self) -> None:
        import torch

        self.masters = [w.detach().float().clone().requires_grad_() for w in self.weights]
        self.best = [m.detach().clone() for m in self.masters]
        self.optimiser = torch.optim.AdamW(
            self.masters, lr=self.recipe.rate, betas=(0.9, 0.98), weight_decay=0.01, foreach=True
        )

    def run(self, progress: Progress | None = None) -> tuple[Curve, float, int]:
        """Every step from the last checkpoint on, or until the validation loss stays worse.

        Leaves the best weights in the model. Returns (curve, seconds, first step done here).
        """
        curve = self.slot.restore(self.masters, self.best, self.optimiser) if self.slot else Curve()
        self._publish(self.masters)
        resumed, began = len(curve.losses), time.perf_counter()
        for step in range(resumed, len(self.batches)):
            if curve.since_best >= self.recipe.patience:
                break
            curve.losses.append(self._step(step, [self.encoded[i] for i in self.batches[step]]))
            self._after(step + 1, curve, progress)
        if curve.checks:
            self._publish(self.best)
        return curve, time.perf_counter() - began, resumed

    def _after(self, done: int, curve: Curve, progress: Progress | None) -> None:
        if done % TRIM_EVERY == 0:
            memory.trim()
        if self.validation and done in self._checked():
            held = mean_loss(self.model, self.validation, self.recipe.batch_tokens, self.team)
            curve.checks.append((done, held))
            if curve.since_best == 0:
                for kept, master in zip(self.best, self.masters, strict=True):
                    kept.copy_(master.detach())
        if self.slot and self.team.leads and done % SAVE_EVERY == 0:
            self.slot.save(self.masters, self.best, self.optimiser, curve)
        if progress:
            progress(curve, len(self.batches))

    def _checked(self) -> set[int]:
        """Steps after which the validation loss is taken, the last one among them."""
        return {math.ceil(len(self.batches) * (i + 1) / self.recipe.checks) for i in range(self.recipe.checks)}

    def _step(self, step: int, batch: Sequence[Encoded]) -> float:
        import torch

        value = self._gradients(batch)
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate * schedule(step, len(self.batches), self.recipe.warmup)
        self.optimiser.step()
        self._publish(self.masters)
        return value

    def _gradients(self, batch: Sequence[Encoded]) -> float:
        """Of the mean loss over all answer tokens of the batch, into the masters. Returns that loss."""
        import torch

        mine, value = self.team.share(batch), torch.zeros((), device=self.model.device)
        if mine:  # else the batch has fewer examples than there are processes
            part = loss(self.model, mine, "sum") / sum(e.supervised for e in batch)
            part.backward()
            value += part.detach()
        for master, weight in zip(self.masters, self.weights, strict=True):
            master.grad = torch.zeros_like(master) if weight.grad is None else weight.grad.float()
            weight.grad = None
        self.team.add_up([value, *(master.grad for master in self.masters)])
        return float(value)

    def _publish(self, source: Sequence[Any]) -> None:
        import torch

        with torch.no_grad():
            for master, weight in zip(source, self.weights, strict=True):
                weight.copy_(master)


def loss(model: Any, batch: Sequence[Encoded], reduction: str = "mean") -> Any:
    """Cross entropy over the answer tokens of right-padded examples, their mean or sum.

    The head (49,000 columns) is computed at those positions alone.
    """
    import torch

    width = -(-max(len(e.ids) for e in batch) // ROUND) * ROUND
    ids = torch.tensor([[*e.ids, *[0] * (width - len(e.ids))] for e in batch], device=model.device)
    labels = torch.tensor([[*e.labels, *[IGNORED] * (width - len(e.ids))] for e in batch], device=model.device)
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    answers = labels[:, 1:] != IGNORED
    logits = model.lm_head(hidden[answers])
    return torch.nn.functional.cross_entropy(logits.float(), labels[:, 1:][answers], reduction=reduction)


def mean_loss(model: Any, examples: Sequence[Encoded], batch_tokens: int, team: Team = ALONE) -> float:
    """Nats per answer token over all `examples`, in batches of like length; each of the team reads its share."""
    import torch

    from deskloop.generator.plan import bucketed

    rows = [i for i, e in enumerate(examples) if e.supervised]
    total = torch.zeros((), device=model.device)
    with torch.no_grad():
        for batch in bucketed(team.share(rows), examples, batch_tokens):
            total += loss(model, [examples[i] for i in batch], "sum")
    team.add_up([total])
    return float(total) / max(1, sum(examples[i].supervised for i in rows))


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate: linear warm-up, then a cosine down to a twentieth."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
