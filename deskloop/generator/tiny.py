"""A seeded two-layer GPT with its own tokenizer, trained from scratch in seconds: a real model for tests.

Same layout and chat template as the fetched base, so it goes through the same fine-tuning, export and serving.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
CONTROLS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def train(texts: Sequence[str], folder: Path, seed: int = 17, steps: int = 60, vocabulary: int = 600) -> None:
    """Train on `texts` and write the model to `folder` in Hugging Face layout. Deterministic for a seed."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(texts, vocabulary)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        tie_word_embeddings=True,
    )
    model: Any = LlamaForCausalLM(config)
    _learn(model, _ids(tokenizer, texts), steps, seed)
    model.to(torch.bfloat16)
    model.save_pretrained(folder)
    _layout(folder, tokenizer)


def _tokenizer(texts: Sequence[str], vocabulary: int) -> Any:
    """Byte-level BPE over the texts."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=CONTROLS, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(sorted(texts), trainer)
    return tokenizer


def _ids(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    return [i for text in texts for i in [1, *tokenizer.encode(text).ids, 2]]


def _learn(model: Any, ids: list[int], steps: int, seed: int, length: int = 64, rows: int = 8) -> None:
    """Next-token prediction over windows of the concatenated texts."""
    import torch

    stream = torch.tensor(ids * (length * rows // max(len(ids), 1) + 2))
    chance = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        starts = torch.randint(0, len(stream) - length - 1, (rows,), generator=chance)
        batch = torch.stack([stream[s : s + length] for s in starts.tolist()])
        model(input_ids=batch, labels=batch).loss.backward()
        optimiser.step()
        optimiser.zero_grad()


def _layout(folder: Path, tokenizer: Any) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(TEMPLATE, "utf-8")
    special = {"bos_token": CONTROLS[1], "eos_token": CONTROLS[2], "pad_token": CONTROLS[2], "unk_token": CONTROLS[0]}
    facts = {**special, "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1024}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts, indent=1), "utf-8")
    origin = {"name": "tiny GPT, trained from scratch", "license": "Apache-2.0", "sha256": "none"}
    (folder / "origin.json").write_text(json.dumps(origin, indent=1), "utf-8")
