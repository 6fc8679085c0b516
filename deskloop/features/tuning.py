"""Fine-tunes the upper layers of the sentence encoder until its vectors tell the team's classes apart.

The lower layers stay as they are and run once for each text, so that an epoch over 15,000 short messages takes
some 15 seconds on two cores. Works on class numbers; knows nothing about intents. Needs torch.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskloop.features import sentence

LAYERS = 2  # upper layers that learn; measured on held-out training rows: 3, 4 and 6 add nothing but time
EPOCHS = 3
STEPS = (300, 2000)  # at least and at most, whatever the number of rows
BATCH = 32
RATE, HEAD_RATE = 3e-4, 1e-3
SCALE = 16.0  # length of a vector before the linear head: cosines alone cannot tell many classes apart
DROPPED = 0.15  # share of tokens hidden in training, so that no single word decides
MOST_TOKENS = 64  # the wish stands early in a message; memory grows with this
SEPARATOR = "[SEP]"  # of BERT's tokenizers: ends the message, before the turn before it

Matrix = NDArray[np.float32]


def can_learn(folder: Path) -> bool:
    """Whether an encoder's folder brings weights that can be trained (`hf/`, a BERT in Hugging Face layout)."""
    config = folder / sentence.TRAINABLE / "config.json"
    return config.is_file() and json.loads(config.read_bytes()).get("model_type") == "bert"


def tune(
    folder: Path, texts: Sequence[str], codes: NDArray[np.intp], classes: int, out: Path, seed: int
) -> tuple[Matrix, Matrix]:
    """Train on `texts` with class numbers `codes` (n,) below `classes`; export the encoder to `out`.

    Where a text goes on after a separator, with the turn before, that is read and not pooled.

    Returns the linear head on its unit vectors: weights (d, classes) and bias (classes,). Cross-entropy with
    AdamW, linear warm-up and decay; the mean-pooled unit vector is scaled before the head, as in NormFace
    (Wang et al. 2017).
    """
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    source = folder / sentence.TRAINABLE
    torch.manual_seed(seed)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS)
    model = AutoModel.from_pretrained(source, dtype=torch.float32)
    ids = [piece.ids for piece in tokenizer.encode_batch(list(texts))]
    layers = model.encoder.layer
    until = tokenizer.token_to_id(SEPARATOR)
    states = _lower(model, layers[:-LAYERS], ids, until)
    head = torch.nn.Linear(model.config.hidden_size, classes)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    _train(layers[-LAYERS:], head, states, torch.from_numpy(np.asarray(codes, np.int64)), seed)
    _export(model.eval(), source, out, until)
    weights, bias = head.weight.detach().numpy().T * SCALE, head.bias.detach().numpy()
    return np.ascontiguousarray(weights, np.float32), np.ascontiguousarray(bias, np.float32)


@dataclass(frozen=True)
class _States:
    """Hidden states of all texts' tokens, one below the other: `flat` (tokens, d); text i has rows from start[i].

    Of its `length` tokens the first `own` are the message's.
    """

    flat: Any
    start: NDArray[np.intp]
    length: NDArray[np.intp]
    own: NDArray[np.intp]

    def batch(self, rows: NDArray[np.intp]) -> tuple[Any, Any, Any]:
        """Padded states (b, t, d), which tokens are real (b, t), and which are the message's own (b, t)."""
        import torch

        longest = int(self.length[rows].max())
        places = np.arange(longest)[None, :]
        real, own = places < self.length[rows][:, None], places < self.own[rows][:, None]
        where = np.where(real, self.start[rows][:, None] + places, 0)
        return self.flat[torch.from_numpy(where)].float(), torch.from_numpy(real), torch.from_numpy(own)


def _lower(model: Any, layers: Any, ids: list[list[int]], until: int | None) -> _States:
    import torch

    length = np.array([len(i) for i in ids])
    start = np.concatenate([[0], np.cumsum(length)[:-1]]).astype(np.intp)
    flat = torch.empty((int(length.sum()), model.config.hidden_size), dtype=torch.bfloat16)
    model.eval()
    order = np.argsort(length, kind="stable")
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for at in range(0, len(order), 128):
            rows = order[at : at + 128]
            longest = int(length[rows].max())
            real = torch.from_numpy(np.arange(longest)[None, :] < length[rows][:, None])
            tokens = torch.zeros(real.shape, dtype=torch.long)
            tokens[real] = torch.tensor([token for row in rows for token in ids[row]])
            hidden = _through(layers, model.embeddings(tokens), real)
            for row, states in zip(rows, hidden, strict=True):
                flat[start[row] : start[row] + length[row]] = states[: length[row]]
    return _States(flat, start, length, np.array([sentence.counted(i, until) for i in ids]))


def _train(layers: Any, head: Any, states: _States, codes: Any, seed: int) -> None:
    import torch

    steps = int(np.clip(EPOCHS * np.ceil(len(codes) / BATCH), *STEPS))
    groups = [{"params": layers.parameters(), "lr": RATE}, {"params": head.parameters(), "lr": HEAD_RATE}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    warm = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: (step + 1) / warm if step < warm else max(0.0, (steps - step) / steps)
    )
    layers.train()
    for rows in _batches(states.length, steps, np.random.default_rng(seed)):
        hidden, real, own = states.batch(rows)
        shown = real & (torch.rand(real.shape) > DROPPED)
        shown[:, 0] = True
        with torch.autocast("cpu", torch.bfloat16):
            hidden = _through(layers, hidden, shown)
        loss = torch.nn.functional.cross_entropy(head(SCALE * _pooled(hidden, shown & own)), codes[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()


def _through(layers: Any, hidden: Any, real: Any) -> Any:
    mask = None if bool(real.all()) else real[:, None, None, :]
    for layer in layers:
        made = layer(hidden, attention_mask=mask)
        hidden = made[0] if isinstance(made, tuple) else made
    return hidden


def _pooled(hidden: Any, real: Any) -> Any:
    import torch

    weights = real.float()[:, :, None]
    return torch.nn.functional.normalize((hidden.float() * weights).sum(1) / weights.sum(1), dim=1)


def _batches(length: NDArray[np.intp], steps: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """`steps` batches of rows of similar length, in random order, epoch after epoch."""
    given = 0
    while given < steps:
        rows = rng.permutation(len(length))
        batches = []
        for at in range(0, len(rows), 16 * BATCH):
            near = rows[at : at + 16 * BATCH]
            near = near[np.argsort(length[near], kind="stable")]
            batches += [near[i : i + BATCH] for i in range(0, len(near), BATCH)]
        for which in rng.permutation(len(batches))[: steps - given]:
            yield batches[which]
            given += 1


def _export(model: Any, source: Path, out: Path, until: int | None) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch, safe_serialization=True)
        (Path(scratch) / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
        sentence.export(Path(scratch), out, max_tokens=MOST_TOKENS, until=until)
