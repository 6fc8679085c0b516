"""Which examples a run learns from, in what order and in which batches. Plain numbers, no torch.

Batches hold examples of like length, so that little is padding, and stay below a number of tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deskloop.generator.chat import Encoded
from deskloop.generator.recipe import Recipe

POOL = 16  # batches shuffled together before they are sorted by length


def batches(examples: Sequence[Encoded], recipe: Recipe, seed: int) -> list[list[int]]:
    """Batches of example indices for the whole run, all epochs in a row, within the recipe's token budget."""
    rng = np.random.default_rng(seed)
    usable = [i for i, e in enumerate(examples) if e.supervised and len(e.ids) <= recipe.longest]
    plan: list[list[int]] = []
    left = recipe.tokens
    for _ in range(recipe.epochs):
        order = [usable[i] for i in rng.permutation(len(usable))]
        chosen = _within(order, examples, left)
        left -= sum(len(examples[i].ids) for i in chosen)
        plan += _bucketed(chosen, examples, recipe.batch_tokens, rng)
        if len(chosen) < len(order):
            break
    return plan


def _within(order: list[int], examples: Sequence[Encoded], budget: int) -> list[int]:
    lengths = np.cumsum([len(examples[i].ids) for i in order])
    return order[: int(np.searchsorted(lengths, budget, side="right"))]


def _bucketed(order: list[int], examples: Sequence[Encoded], size: int, rng: np.random.Generator) -> list[list[int]]:
    """Sort by length within pools, cut into batches of at most `size` padded tokens, shuffle the batches."""
    mean = max(1, sum(len(examples[i].ids) for i in order) // max(1, len(order)))
    pool = max(1, POOL * size // mean)
    pools = [order[start : start + pool] for start in range(0, len(order), pool)]
    made = [batch for rows in pools for batch in bucketed(rows, examples, size)]
    return [made[i] for i in rng.permutation(len(made))]


def bucketed(rows: Sequence[int], examples: Sequence[Encoded], size: int) -> list[list[int]]:
    """The rows in batches of like length and at most `size` padded tokens, shortest first."""
    made: list[list[int]] = []
    for i in sorted(rows, key=lambda i: len(examples[i].ids)):
        if made and (len(made[-1]) + 1) * len(examples[i].ids) <= size:
            made[-1].append(i)
        else:
            made.append([i])
    return made
