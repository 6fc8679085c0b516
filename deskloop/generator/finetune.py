"""Fine-tune the base model on the desk's own answers with LoRA (Hu et al. 2021), fast enough for a CPU.

What makes it fast, without changing what is learnt: bfloat16 products where the CPU has them, adapters on
the upper layers alone so that the backward pass stops half way, logits at answer positions only, batches of
like length without a mask, and plain instead of fused attention (see `attention`). Adapter weights are kept
in float32 beside their bfloat16 copies, or small updates would be lost.
Knows nothing about where examples come from or where the result goes.
"""

from __future__ import annotations

import gc
import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deskloop.errors import BadInput
from deskloop.generator import attention, checkpoint, plan
from deskloop.generator.chat import IGNORED, Chat, Encoded
from deskloop.generator.export import save_merged
from deskloop.generator.recipe import RECIPES, Recipe
from deskloop.settings import Effort

Example = Mapping[str, Any]
Progress = Callable[[int, int, float], None]
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SAVE_EVERY = 25  # steps


@dataclass(frozen=True)
class TrainReport:
    """What a run did. Losses are nats per supervised token, before the step's update."""

    steps: tuple[int, ...]
    losses: tuple[float, ...]
    tokens: int  # read by the model, padding left out, repetitions counted
    supervised_tokens: int  # of answers, repetitions counted
    examples: int
    left_out: int  # too long, or without an answer
    epochs: float
    seconds: float  # of the loop alone
    tokens_per_second: float
    trainable: int
    precision: str
    resumed_at: int
    recipe: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def finetune(
    base: Path,
    examples: Sequence[Example],
    out: Path,
    effort: Effort = "quick",
    seed: int = 17,
    progress: Progress | None = None,
    checkpoints: Path | None = None,
    recipe: Recipe | None = None,
) -> TrainReport:
    """Fine-tune `base` (Hugging Face layout) on [{"messages": [...]}]; write the merged model to `out`.

    Loss is on the assistant's turns alone. `progress(step, steps, loss)` is called after each step. A run that
    was interrupted goes on from `checkpoints` if base, examples, recipe and seed are the same.
    Raises BadInput if no example has an answer.
    """
    recipe = recipe or RECIPES[effort]
    chat = Chat.load(base)
    encoded = [chat.encode(example["messages"]) for example in examples]
    batches = plan.batches(encoded, recipe, seed)
    if not batches:
        raise BadInput(f"fine-tuning needs examples with an answer, got none in {len(examples)}; add sources")
    model, weights = _adapted(base, recipe, seed)
    key = _run_key(base, encoded, recipe, seed)
    run = _Run(model, weights, recipe, batches, checkpoint.Slot(checkpoints, key) if checkpoints else None)
    curve, seconds, resumed = run.train(encoded, progress)
    save_merged(model, base, out)
    if run.slot:
        run.slot.clear()
    precision = str(model.dtype).removeprefix("torch.")
    del model, run
    gc.collect()
    seen = [encoded[i] for batch in batches for i in batch]
    unique = len({i for batch in batches for i in batch})
    fresh = sum(len(encoded[i].ids) for batch in batches[resumed:] for i in batch)
    return TrainReport(
        steps=tuple(range(1, len(batches) + 1)),
        losses=tuple(round(loss, 4) for loss in curve),
        tokens=sum(len(e.ids) for e in seen),
        supervised_tokens=sum(e.supervised for e in seen),
        examples=unique,
        left_out=len(encoded) - unique,
        epochs=round(len(seen) / unique, 2),
        seconds=round(seconds, 2),
        tokens_per_second=round(fresh / max(seconds, 1e-9), 1),
        trainable=sum(w.numel() for w in weights),
        precision=precision,
        resumed_at=resumed,
        recipe=asdict(recipe),
    )


class _Run:
    """The loop: model, float32 adapter weights, optimiser, and where it saves itself."""

    def __init__(self, model: Any, weights: list[Any], recipe: Recipe, batches: list[list[int]], slot: Any) -> None:
        import torch

        self.model, self.weights, self.recipe, self.batches, self.slot = model, weights, recipe, batches, slot
        self.masters = [w.detach().float().clone().requires_grad_() for w in weights]
        self.optimiser = torch.optim.AdamW(
            self.masters, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.01, foreach=True
        )

    def train(self, encoded: list[Encoded], progress: Progress | None) -> tuple[list[float], float, int]:
        """Every step from the last checkpoint on. Returns (losses, seconds, first step done here)."""
        curve = self.slot.restore(self.masters, self.optimiser) if self.slot else []
        self._publish()
        resumed, began = len(curve), time.perf_counter()
        for step in range(resumed, len(self.batches)):
            curve.append(self._step(step, [encoded[i] for i in self.batches[step]]))
            if progress:
                progress(step + 1, len(self.batches), curve[-1])
            if self.slot and (step + 1) % SAVE_EVERY == 0:
                self.slot.save(self.masters, self.optimiser, curve)
        return curve, time.perf_counter() - began, resumed

    def _step(self, step: int, batch: list[Encoded]) -> float:
        import torch

        value = loss(self.model, batch)
        value.backward()
        for master, weight in zip(self.masters, self.weights, strict=True):
            master.grad, weight.grad = weight.grad.float(), None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate * schedule(step, len(self.batches), self.recipe.warmup)
        self.optimiser.step()
        self._publish()
        return float(value.detach())

    def _publish(self) -> None:
        import torch

        with torch.no_grad():
            for master, weight in zip(self.masters, self.weights, strict=True):
                weight.copy_(master)


def loss(model: Any, batch: Sequence[Encoded]) -> Any:
    """Mean cross entropy over the answer tokens of right-padded examples.

    The head (49,000 columns) is computed at those positions alone.
    """
    import torch
    from torch.nn.utils.rnn import pad_sequence

    ids = pad_sequence([torch.tensor(e.ids) for e in batch], batch_first=True)
    labels = pad_sequence([torch.tensor(e.labels) for e in batch], batch_first=True, padding_value=IGNORED)
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    answers = labels[:, 1:] != IGNORED
    logits = model.lm_head(hidden[answers])
    return torch.nn.functional.cross_entropy(logits.float(), labels[:, 1:][answers])


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate: linear warm-up, then a cosine down to a twentieth."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def precision() -> Any:
    """bfloat16 where this CPU multiplies it natively, else float32."""
    import torch

    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


def _adapted(base: Path, recipe: Recipe, seed: int) -> tuple[Any, list[Any]]:
    """The base model with seeded adapters in its upper layers, and the adapters' parameters."""
    import torch
    from peft import LoraConfig, inject_adapter_in_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=precision(), attn_implementation=attention.register())
    layers = model.config.num_hidden_layers
    first = layers - max(1, round(layers * recipe.upper))
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=2 * recipe.rank,
        target_modules=TARGETS,
        layers_to_transform=list(range(first, layers)),
    )
    for weight in model.parameters():
        weight.requires_grad_(False)
    inject_adapter_in_model(config, model)
    model.train()
    weights = [w for w in model.parameters() if w.requires_grad]
    for weight in weights:
        weight.data = weight.data.to(model.dtype)
    return model, weights


def _run_key(base: Path, encoded: list[Encoded], recipe: Recipe, seed: int) -> str:
    weights = base / "model.safetensors"
    what = [weights.stat().st_size, [e.ids for e in encoded], asdict(recipe), seed]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:24]
