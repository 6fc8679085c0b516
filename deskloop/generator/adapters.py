"""LoRA adapters (Hu et al. 2021) on a base model: put in, kept apart from the merged weights, read back.

Adapters of an earlier run on the same base are where a retraining starts. Knows nothing about training.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deskloop.generator import attention
from deskloop.generator.recipe import Recipe
from deskloop.store import sha256_file

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
FILE = "adapter.safetensors"


def device() -> str:
    """Where training runs: a GPU if there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def precision() -> Any:
    """bfloat16 where this GPU or CPU multiplies it natively, else float32."""
    import torch

    if device() == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


def lora(layers: int, recipe: Recipe) -> Any:
    """Adapters on all products of the upper layers of a model with so many `layers`."""
    from peft import LoraConfig

    first = layers - max(1, round(layers * recipe.upper))
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=2 * recipe.rank,
        target_modules=TARGETS,
        layers_to_transform=list(range(first, layers)),
    )


def adapted(base: Path, recipe: Recipe, seed: int) -> tuple[Any, dict[str, Any]]:
    """The base model with seeded adapters in its upper layers, and the adapters' parameters by name."""
    import torch
    from peft import inject_adapter_in_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    kind = "sdpa" if device() == "cuda" else attention.register()
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=precision(), attn_implementation=kind)
    for weight in model.parameters():
        weight.requires_grad_(False)
    inject_adapter_in_model(lora(model.config.num_hidden_layers, recipe), model)
    model.train()
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.to(model.dtype)
    model.to(device())
    return model, {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def identity(base: Path, recipe: Recipe) -> str:
    """What adapters must share to continue each other: the base's weights, the layers and the rank."""
    return json.dumps([sha256_file(base / "model.safetensors"), recipe.upper, recipe.rank])


def save(tensors: dict[str, Any], made_for: str, folder: Path) -> None:
    """Keep the float32 adapters beside the merged model. (One entry of metadata: their order is not fixed.)"""
    from safetensors.torch import save_file

    stored = {name: tensor.detach().float().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(stored, folder / FILE, {"for": made_for})


def load(folder: Path | None, made_for: str) -> dict[str, Any]:
    """The adapters in `folder`; empty if there are none, or if they belong to another base or shape."""
    from safetensors import safe_open

    if folder is None or not (folder / FILE).is_file():
        return {}
    with safe_open(folder / FILE, "pt") as stored:
        if stored.metadata().get("for") != made_for:
            return {}
        return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a dict)
