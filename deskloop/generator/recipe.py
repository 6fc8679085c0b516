"""How much fine-tuning each effort buys. Numbers only; the loop is in `finetune`."""

from __future__ import annotations

from dataclasses import dataclass

from deskloop.settings import Effort


@dataclass(frozen=True)
class Recipe:
    """Sizes of one fine-tuning run."""

    tokens: int  # read by the model at most, prompts and repetitions included
    epochs: int  # times an example is seen at most
    upper: float  # share of the layers, from the top, that carry adapters; below them nothing is learnt
    rank: int = 16
    rate: float = 1e-3  # peak learning rate
    batch_tokens: int = 1024  # of one step, padding included
    longest: int = 512  # tokens of one example; longer ones are left out
    warmup: float = 0.06
    checks: int = 4  # times the validation loss is taken
    patience: int = 2  # checks without a better loss before the run ends
    validation: int = 24  # examples that a check reads at most
    warm: float = 0.5  # share of `tokens` and of `rate` where adapters start from an earlier run's
    gpu: int = 8  # times as many tokens a step on a GPU


RECIPES: dict[Effort, Recipe] = {
    "quick": Recipe(tokens=76_000, epochs=2, upper=0.4, rate=2e-3, batch_tokens=512, checks=2, validation=16),
    "standard": Recipe(tokens=600_000, epochs=3, upper=0.7, checks=10, patience=3, validation=100),
    "thorough": Recipe(tokens=4_000_000, epochs=4, upper=1.0, checks=20, patience=3, validation=200),
}
