"""Turns a GGUF file of a Llama-style model into Hugging Face layout, in bfloat16."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def convert(source: Path, out: Path) -> None:
    """Read `source` with transformers and write weights, tokenizer and chat template to the folder `out`.

    A model read from GGUF refuses to be saved, so it is rebuilt from its configuration and weights.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    where: dict[str, Any] = {"gguf_file": source.name}
    tokenizer = AutoTokenizer.from_pretrained(source.parent, **where)
    read = AutoModelForCausalLM.from_pretrained(source.parent, dtype=torch.float32, **where)
    left_out = ("quantization_config", "_name_or_path", "_model_name_or_path", "transformers_version")
    settings = {key: value for key, value in read.config.to_dict().items() if key not in left_out}
    model: Any = LlamaForCausalLM(LlamaConfig(**settings))
    model.to(torch.bfloat16)
    model.load_state_dict(read.state_dict())
    model.save_pretrained(out)
    _split_digits(tokenizer)
    tokenizer.save_pretrained(out)


def _split_digits(tokenizer: Any) -> None:
    """GGUF names the pre-tokenizer only; SmolLM2 was trained with every digit a token of its own."""
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
