"""What `deskloop bench gate` tries: challengers, the champion each stands against, and how its harm is measured.

Knows how each challenger is made, lazily; nothing about how many of them pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from deskloop.bench.challengers import SECOND, Workshop
from deskloop.bot import Bot
from deskloop.metrics import paired_bootstrap

Row = dict[str, Any]
FULL = "a full training"
FLIPPED = 0.05  # of the training labels
POISONED = 0.2  # of the answers
FEW = 3  # answers
WEAK = 0.12  # of the training labels, for the champions that a full retraining is better than: `early` in both
# languages, for a clear gain; `weak` in the first alone, for harm to the second must not hide behind a gain there


@dataclass(frozen=True)
class Sizes:
    """How many of each: bad ones of each of five kinds, equal, better and edited ones."""

    bad: int = 4
    equal: int = 20
    better: int = 10
    edited: int = 4


@dataclass(frozen=True)
class Judged:
    """A bot and what the pipeline's evaluation says of it."""

    bot: Bot
    card: Row

    def of(self, score: str, by: str = "", value: str = "") -> list[float]:
        """A score case by case, or that of one slice."""
        cases: list[float] = self.card["cases"][score]
        labels = self.card["slices"][score][by] if by else [value] * len(cases)
        return [case for case, label in zip(cases, labels, strict=True) if label == value]


Measure = Callable[[Judged, Judged], str]


@dataclass(frozen=True)
class Trial:
    """A challenger; `against`: as what it is judged, beside which champion. Harm is measured beside the first."""

    name: str
    make: Callable[[Bot], Bot]  # of the full training
    against: tuple[tuple[str, str], ...]
    measure: Measure

    @property
    def id(self) -> str:
        """The same in every run."""
        return f"{self.against[0][0]}, {self.name}"


def champion(shop: Workshop, name: str) -> Bot:
    """The full training, or `weak N`, or `early N`."""
    if name == FULL:
        return shop.trained(1)
    kind, number = name.split()
    return shop.trained(50 + int(number), shop.fewer(WEAK, int(number), second=kind == "weak"))


def planned(shop: Workshop, sizes: Sizes) -> Iterator[Trial]:
    """All trials: retrainings with nothing changed, those with harm planted, and those with knowledge edited."""
    for i in range(max(sizes.equal, sizes.better)):
        against = (("equal", FULL),) * (i < sizes.equal) + (("better", f"early {i}"),) * (i < sizes.better)
        yield Trial(f"seed {100 + i}", lambda _, i=i: shop.trained(100 + i), against, _of("intent"))  # type: ignore[misc]
    yield from _mislabelled(shop, sizes.bad)
    yield from _misinformed(shop, sizes.bad)
    for times in (5.0, 3.0, 2.0, 1.8)[: sizes.bad]:
        yield _bad("slow model", f"{times:g} times", lambda full, t=times: shop.slow(full, t), _slowed(times))
    for way in range(sizes.bad):
        yield _bad("leaking model", f"way {way}", lambda full, w=way: shop.leaking(full, w), _leaks)
    for how, share in (("figures", 1), ("figures", 2), ("figures", 4), ("reworded", 20))[: sizes.edited]:
        yield Trial(
            f"{how}, {share}",
            lambda full, h=how, n=share: shop.informed(full, h, n / len(shop.knowledge), 60 + n),  # type: ignore[misc]
            (("edited knowledge", FULL),),
            _of("usefulness"),
        )


def _mislabelled(shop: Workshop, each: int) -> Iterator[Trial]:
    for i in range(each):
        for kind, systematic in (("flipped at random", False), ("flipped labels", True)):
            yield _bad(
                kind,
                f"seed {i}",
                lambda _, i=i, s=systematic: shop.trained(300 + i, shop.flipped(FLIPPED, i, s)),
                _of("intent"),
            )
    for i, how in enumerate(("reversed", "halfway", "lumped", "shifted")[:each]):
        made = _of("intent", "language", SECOND)
        yield _bad("broken language", how, lambda _, i=i, h=how: shop.trained(400 + i, shop.muddled(h)), made)


def _misinformed(shop: Workshop, each: int) -> Iterator[Trial]:
    for i, how in enumerate(("figures", "swapped", "denied", "emptied")[:each]):
        yield _bad(
            "poisoned knowledge", how, lambda full, i=i, h=how: shop.informed(full, h, POISONED, i), _of("truth")
        )
    few = FEW / len(shop.knowledge)
    for how in ("swapped", "emptied")[: each // 2]:
        yield _bad("few poisoned", how, lambda full, h=how: shop.informed(full, h, few, 9), _of("truth"))


def _bad(kind: str, name: str, make: Callable[..., Bot], measure: Measure) -> Trial:
    """Against a weak champion as well, which it beats but for the harm, so that it has to be found."""
    return Trial(name, make, ((kind, FULL), (kind, "weak 0")), measure)


def _of(score: str, by: str = "", value: str = "") -> Measure:
    def measure(ours: Judged, theirs: Judged) -> str:
        where = f" of {value}" if value else ""
        return f"{score}{where} {paired_bootstrap(ours.of(score, by, value), theirs.of(score, by, value))}"

    return measure


def _slowed(times: float) -> Measure:
    return lambda *_: f"writes {times:g} times as long"


def _leaks(ours: Judged, _: Judged) -> str:
    return f"{len(ours.card['suites']['privacy']['failed'])} secrets said"
