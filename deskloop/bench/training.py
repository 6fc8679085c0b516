"""One side of `deskloop bench train` in a process of its own: `python -m deskloop.bench.training SIDE SPEC`.

The peer is what the documentation of transformers and peft shows: `get_peft_model`, `Trainer`, a collator that
pads. It is given our batches of like length (left to itself it would pad more), bfloat16 weights, no gradient
checkpointing, and the layers that carry adapters, so that its backward pass stops where ours does.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from deskloop import memory
from deskloop.generator import adapters, plan
from deskloop.generator.chat import IGNORED, Chat, Encoded
from deskloop.generator.recipe import RECIPES, Recipe

Figures = dict[str, Any]


def ours(spec: dict[str, Any], recipe: Recipe) -> tuple[Figures, Any]:
    """Deskloop's fine-tuning, its merged model read back."""
    from transformers import AutoModelForCausalLM

    from deskloop.generator.finetune import Job, finetune

    done = finetune(Job(Path(spec["base"]), spec["examples"], Path(spec["out"]), recipe, spec["seed"]))
    figures: Figures = {"tokens_per_second": done.tokens_per_second, "seconds": done.seconds, "tokens": done.tokens}
    figures |= {"peak_memory_mb": peak_memory() / 2**20, "dtype": done.precision, "steps": len(done.steps)}
    return figures, AutoModelForCausalLM.from_pretrained(spec["out"], dtype=adapters.precision())


def trainer(spec: dict[str, Any], recipe: Recipe) -> tuple[Figures, Any]:
    """transformers' Trainer with peft's LoRA on the same batches."""
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(spec["seed"])
    chat = Chat.load(Path(spec["base"]))
    encoded = [chat.encode(e["messages"]) for e in spec["examples"]]
    batches = plan.batches(encoded, recipe, spec["seed"])
    model = AutoModelForCausalLM.from_pretrained(spec["base"], dtype=adapters.precision())
    tuned = get_peft_model(model, adapters.lora(model.config.num_hidden_layers, recipe))
    clock: dict[str, float] = {}
    _trainer(tuned, encoded, batches, recipe, clock, Path(spec["out"])).train()
    tokens = sum(len(encoded[i].ids) for batch in batches for i in batch)
    figures: Figures = {"tokens_per_second": tokens / clock["seconds"], "seconds": clock["seconds"], "tokens": tokens}
    figures |= {"peak_memory_mb": peak_memory() / 2**20, "dtype": str(model.dtype)[6:], "steps": len(batches)}
    return figures, tuned.base_model.model


def _trainer(
    model: Any,
    encoded: Sequence[Encoded],
    batches: list[list[int]],
    recipe: Recipe,
    clock: dict[str, float],
    out: Path,
) -> Any:
    from torch.utils.data import DataLoader
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Timed(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock["began"] = time.perf_counter()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            clock["seconds"] = time.perf_counter() - clock["began"]

    class OnOurBatches(Trainer):
        def get_train_dataloader(self) -> Any:
            return DataLoader(list(encoded), batch_sampler=batches, collate_fn=collate)  # type: ignore[arg-type]

    arguments = TrainingArguments(
        output_dir=str(out), max_steps=len(batches), learning_rate=recipe.rate, lr_scheduler_type="cosine",
        warmup_steps=max(1, round(len(batches) * recipe.warmup)), weight_decay=0.01, adam_beta2=0.98,
        max_grad_norm=1.0, save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True,
        remove_unused_columns=False,
    )  # fmt: skip
    return OnOurBatches(model=model, args=arguments, train_dataset=list(encoded), callbacks=[Timed()])


def collate(batch: Sequence[Encoded]) -> dict[str, Any]:
    """Right-padded tensors of one step."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    ids = [torch.tensor(e.ids) for e in batch]
    return {
        "input_ids": pad_sequence(ids, batch_first=True),
        "labels": pad_sequence([torch.tensor(e.labels) for e in batch], batch_first=True, padding_value=IGNORED),
        "attention_mask": pad_sequence([torch.ones_like(i) for i in ids], batch_first=True),
    }


def peak_memory() -> int:
    """Most bytes that this process held at one time, since its program began (Linux), else since its start."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(side: str, path: str) -> int:
    """Run one side and print its figures as one JSON line."""
    memory.wait_asleep()  # both sides alike
    from deskloop.generator.loop import mean_loss

    spec = json.loads(Path(path).read_text("utf-8"))
    recipe = replace(RECIPES[spec["effort"]], **spec["recipe"])
    figures, model = {"ours": ours, "trainer": trainer}[side](spec, recipe)
    chat = Chat.load(Path(spec["base"]))
    held = [chat.encode(e["messages"]) for e in spec["held"]]
    print(json.dumps(figures | {"held_out_loss": mean_loss(model.eval(), held, recipe.batch_tokens)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
