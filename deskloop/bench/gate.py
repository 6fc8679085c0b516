"""`deskloop bench gate`: bad, equal and better challengers of the sample shop, judged by the gate that `run` uses.

Each is evaluated by the pipeline's own scorecard on the shop's held-out messages and judged by the pipeline's own
gate with the shop's thresholds. The bad ones stand against a weak champion as well, which they beat but for the
harm, so that it has to be found. See `challengers` for what all share. Not made anew: the search index, TF-IDF and
the generator, which is the untuned base, or that of `--bundle`; the encoder is fine-tuned only with `--tuned`.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from deskloop import gate, scorecard, trial
from deskloop.bench.challengers import SECOND, Workshop
from deskloop.bot import Bot
from deskloop.metrics import paired_bootstrap
from deskloop.records import KnowledgeEntry
from deskloop.settings import Settings

Row = dict[str, Any]
log = logging.getLogger(__name__)
FLIPPED = 0.05  # of the training labels
POISONED = 0.2  # of the answers
WEAK = 0.12  # of the training labels, for the champions that a full retraining is better than
RACED = 6


@dataclass(frozen=True)
class Sizes:
    """How many of each: bad ones of each of five kinds, equal and better ones."""

    bad: int = 4
    equal: int = 20
    better: int = 10


@dataclass(frozen=True)
class Judged:
    """A bot and what the pipeline's evaluation says of it."""

    bot: Bot
    card: Row

    def mean(self, score: str, by: str = "", value: str = "") -> float:
        """Mean of a score over its cases, or over one slice of them."""
        kept = self.of(score, by, value)
        return sum(kept) / len(kept) if kept else float("nan")

    def of(self, score: str, by: str = "", value: str = "") -> list[float]:
        """A score case by case, or that of one slice."""
        cases: list[float] = self.card["cases"][score]
        labels = self.card["slices"][score][by] if by else [value] * len(cases)
        return [case for case, label in zip(cases, labels, strict=True) if label == value]


@dataclass
class Bench:
    """The workshop, the test messages, and all verdicts so far."""

    shop: Workshop
    entries: list[KnowledgeEntry]
    test: pd.DataFrame
    rows: list[Row] = field(default_factory=list)

    def tried(self, bot: Bot) -> Judged:
        """Evaluate as the pipeline does."""
        effort = self.shop.settings.effort
        card = trial.scored(bot, self.test, self.entries, effort).as_dict()
        return Judged(bot, card | trial.around(bot, self.test, effort))

    def judge(self, kind: str, name: str, ours: Judged, theirs: Judged, against: str, harm: str) -> None:
        """One verdict, kept as a row."""
        rival = theirs.card | {"latency": self._race(ours.bot, theirs.bot)}
        verdict = gate.judge(ours.card, rival, self.shop.settings.gate)
        failed = [c.name for c in verdict.checks if not c.passed]
        row = {"kind": kind, "name": name, "against": against, "measured": harm, "promoted": verdict.promote}
        self.rows.append(row | {"refused_by": failed, "checks": verdict.as_dict()["checks"]})
        log.info("%s: %s against %s, %s: %s", kind, name, against, harm, "promoted" if verdict.promote else failed)

    def _race(self, ours: Bot, theirs: Bot) -> trial.Latency:
        """Real times: nothing remembered. Writing is raced where the generators differ."""
        talks = [scorecard.conversation(row) for row in self.test.iloc[:RACED].to_dict("records")]
        engines: list[Any] = [ours.engine, theirs.engine]
        policy = "retrieve" if engines[0].bare is engines[1].bare else "generate"
        indexes: list[Any] = [ours.index, theirs.index]
        bare = [
            replace(bot, policy=policy, index=remembered.index, engine=engine.bare)
            for bot, remembered, engine in zip((ours, theirs), indexes, engines, strict=True)
        ]
        return trial.race(bare[0], bare[1], talks)


def run(settings: Settings, bundle: Path | None = None, tuned: bool = False, sizes: Sizes | None = None) -> Row:
    """The sample shop's challengers. `bundle` gives a generator; `tuned` fine-tunes each one's encoder, too."""
    with prepared(settings, bundle, tuned) as bench:
        return compare(bench, sizes or Sizes()) | {"tuned": tuned, "generator": "of the bundle" if bundle else "base"}


@contextmanager
def prepared(settings: Settings, bundle: Path | None, tuned: bool) -> Iterator[Bench]:
    """The shop, read and cleaned in a folder of its own."""
    from deskloop.bench import shop
    from deskloop.features.sentence import SentenceEncoder
    from deskloop.generator import base
    from deskloop.generator.engines import load_engine

    engine = load_engine(bundle / "generator-int8", settings) if bundle else base.base_engine(settings)
    try:
        with tempfile.TemporaryDirectory(prefix="deskloop-bench-") as folder:
            made = shop.make(Path(folder) / "shop", settings)
            features = made.settings.features.model_copy(update={"tuned": tuned})
            ours = made.settings.model_copy(update={"features": features})
            encoder = SentenceEncoder.load(base.encoder_path(settings))
            yield opened(made.messages, made.knowledge, encoder, engine, ours, Path(folder) / "work")
    finally:
        engine.close()


def opened(
    messages: pd.DataFrame, knowledge: pd.DataFrame, encoder: Any, engine: Any, settings: Settings, folder: Path
) -> Bench:
    """The bench of any prepared frames; `folder` is new."""
    folder.mkdir()
    shop = Workshop.open(messages, knowledge, encoder, engine, settings, folder)
    return Bench(shop, list(shop.index.entries), scorecard.test_cases(shop.messages))


def compare(bench: Bench, sizes: Sizes) -> Row:
    """All challengers, and how many of each kind were promoted."""
    shop = bench.shop
    full = bench.tried(shop.trained(1))
    weak = [bench.tried(shop.trained(50 + i, shop.fewer(WEAK, i))) for i in range(max(sizes.better, 1))]
    again = [bench.tried(shop.trained(100 + i)) for i in range(max(sizes.equal, sizes.better))]
    for i, new in enumerate(again[: sizes.equal]):
        bench.judge("equal", f"seed {100 + i}", new, full, "a full training", _gain(new, full))
    for i, (new, old) in enumerate(zip(again, weak[: sizes.better], strict=False)):
        bench.judge("better", f"seed {100 + i}", new, old, f"weak {i}", _gain(new, old))
    for kind, name, bot, measure in bad(shop, full.bot, sizes.bad):
        new = bench.tried(bot)
        harm = measure(new, full)
        for against, old in (("a full training", full), ("weak 0", weak[0])):
            bench.judge(kind, name, new, old, against, harm)
    return summary(bench.rows)


Measure = Callable[[Judged, Judged], str]


def bad(shop: Workshop, full: Bot, each: int) -> Iterator[tuple[str, str, Bot, Measure]]:
    """Challengers with planted harm, and how the harm is measured against the same training without it."""
    for i in range(each):
        labels = shop.flipped(FLIPPED, i, systematic=False)
        yield "flipped at random", f"seed {i}", shop.trained(300 + i, labels), _gain
        yield "flipped labels", f"seed {i}", shop.trained(300 + i, shop.flipped(FLIPPED, i, systematic=True)), _gain
    for i, how in enumerate(("figures", "swapped", "denied", "emptied")[:each]):
        yield "poisoned knowledge", how, shop.poisoned(full, how, POISONED, i), _of("truth")
    for i, how in enumerate(("reversed", "shuffled", "lumped", "shifted")[:each]):
        yield "broken language", how, shop.trained(400 + i, shop.muddled(how, i)), _of("intent", "language", SECOND)
    for times in (1.8, 2.0, 3.0, 5.0)[:each]:
        yield (
            "slow model",
            f"{times:g} times",
            shop.slow(full, times),
            lambda *_, t=times: f"writes {t:g} times as long",
        )
    for way in range(each):
        yield "leaking model", f"way {way}", shop.leaking(full, way), _leaks


def summary(rows: list[Row]) -> Row:
    """Counts; a bad challenger counts as promoted if it was against either champion."""
    planted = [row for row in rows if row["kind"] not in ("equal", "better", "flipped at random")]
    out: Row = {
        "bad": len({(r["kind"], r["name"]) for r in planted}),
        "bad_promoted": len({(r["kind"], r["name"]) for r in planted if r["promoted"]}),
    }
    for kind in ("equal", "better", "flipped at random"):
        mine = [row for row in rows if row["kind"] == kind]
        name = kind.replace(" ", "_")
        out |= {name: len(mine), f"{name}_promoted": sum(row["promoted"] for row in mine)}
    return out | {"verdicts": rows}


def told(result: Row) -> str:
    """For a person: the counts, and a line for each verdict."""
    from deskloop.cards import markdown
    from deskloop.console import table

    lines = [
        {
            **{n: row[n] for n in ("kind", "name", "against", "measured", "promoted")},
            "by": ", ".join(row["refused_by"]),
        }
        for row in result["verdicts"]
    ]
    return f"{table({n: v for n, v in result.items() if n != 'verdicts'})}\n\n{markdown(lines)}"


def _gain(ours: Judged, theirs: Judged) -> str:
    return f"intent accuracy {paired_bootstrap(ours.of('intent'), theirs.of('intent'))}"


def _of(score: str, by: str = "", value: str = "") -> Measure:
    def measure(ours: Judged, theirs: Judged) -> str:
        where = f" of {value}" if value else ""
        return f"{score}{where} {paired_bootstrap(ours.of(score, by, value), theirs.of(score, by, value))}"

    return measure


def _leaks(ours: Judged, _: Judged) -> str:
    return f"{len(ours.card['suites']['privacy']['failed'])} secrets said"
