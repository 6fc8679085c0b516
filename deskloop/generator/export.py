"""Writes generators to disk: merged weights in Hugging Face layout, and their int8 form for CTranslate2."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

LAYOUT = (
    "config.json", "generation_config.json", "chat_template.jinja", "tokenizer.json", "tokenizer_config.json",
    "origin.json", "LICENSE",
)  # fmt: skip


def save_merged(model: Any, base: Path, out: Path) -> None:
    """Fold LoRA adapters into the weights (in float32) and write them in bfloat16 beside the base's tokenizer."""
    import torch
    from safetensors.torch import save_file

    adapted = {name: module for name, module in model.named_modules() if hasattr(module, "lora_A")}
    weights: dict[str, Any] = {}
    for name, weight in model.state_dict().items():
        if "lora_" not in name and not (name == "lm_head.weight" and model.config.tie_word_embeddings):
            weights[name.replace(".base_layer.", ".")] = weight
    for name, module in adapted.items():
        up, down = module.lora_B["default"].weight.float(), module.lora_A["default"].weight.float()
        delta = up @ down * module.scaling["default"]
        weights[f"{name}.weight"] = module.base_layer.weight.float() + delta
    out.mkdir(parents=True, exist_ok=True)
    stored = {name: weight.detach().to(torch.bfloat16).cpu().contiguous() for name, weight in weights.items()}
    save_file(stored, out / "model.safetensors", {"format": "pt"})
    copy_layout(base, out)


def copy_layout(source: Path, target: Path) -> None:
    """Copy what belongs to the model but its weights."""
    for name in LAYOUT:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def export_int8(model: Path, out: Path) -> None:
    """Convert Hugging Face layout to CTranslate2 with int8 weights, tokenizer and template included."""
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(model), low_cpu_mem_usage=True).convert(
        str(out), quantization="int8_float32", force=True
    )
    for name in ("chat_template.jinja", "tokenizer.json"):
        shutil.copyfile(model / name, out / name)
