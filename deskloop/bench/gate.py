"""`deskloop bench gate`: bad, equal, better and edited challengers of the sample shop, judged by the gate of `run`.

Each is evaluated by the pipeline's own scorecard on the shop's held-out messages and judged by the pipeline's own
gate with the shop's thresholds. See `trials` for what is tried, `challengers` for what all share. Not made anew: the
search index, TF-IDF and the generator, which is the untuned base, or that of `--bundle`; the encoder is fine-tuned
only with `--tuned`. What was judged is kept: a bench that was interrupted goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

import deskloop
from deskloop import gate, scorecard, trial
from deskloop.bench.challengers import Workshop
from deskloop.bench.trials import FULL, Judged, Sizes, Trial, champion, planned
from deskloop.bot import Bot
from deskloop.records import KnowledgeEntry
from deskloop.settings import Settings

Row = dict[str, Any]
log = logging.getLogger(__name__)
RACED = 6
HARMLESS = ("equal", "better", "edited knowledge", "flipped at random")


@dataclass
class Bench:
    """The workshop, the test messages, and the champions that were needed so far."""

    shop: Workshop
    test: pd.DataFrame
    champions: dict[str, Judged] = field(default_factory=dict)

    def tried(self, bot: Bot, entries: tuple[KnowledgeEntry, ...] = ()) -> Judged:
        """Evaluate as the pipeline does, by the knowledge as it is now (`entries`; the bot's own if not given)."""
        effort = self.shop.settings.effort
        card = trial.scored(bot, self.test, entries or bot.index.entries, effort).as_dict()
        return Judged(bot, card | trial.around(bot, self.test, effort))

    def champion(self, name: str) -> Judged:
        """The full training, or one that is weaker; made once."""
        if name not in self.champions:
            self.champions[name] = self.tried(champion(self.shop, name))
        return self.champions[name]

    def outcomes(self, tried: Trial) -> list[Row]:
        """A verdict for each champion that the challenger stands against."""
        ours, rows = self.tried(tried.make(self.champion(FULL).bot)), []
        rivals = [self._beside(ours.bot, self.champion(name)) for _, name in tried.against]
        harm = tried.measure(ours, rivals[0])
        for (kind, name), theirs in zip(tried.against, rivals, strict=True):
            said = tried.measure(ours, theirs) if kind == "better" else harm
            row = {"kind": kind, "name": tried.name, "against": name, "measured": said}
            rows.append(row | self._judged(ours, theirs))
        return rows

    def _beside(self, ours: Bot, theirs: Judged) -> Judged:
        """The champion by the challenger's knowledge."""
        same = ours.index is theirs.bot.index
        return theirs if same else self.tried(theirs.bot, ours.index.entries)

    def _judged(self, ours: Judged, theirs: Judged) -> Row:
        revised = trial.revised(ours.bot, theirs.bot, self.shop.messages)
        rival = theirs.card | {"latency": self._race(ours.bot, theirs.bot), "knowledge": revised}
        verdict = gate.judge(ours.card, rival, self.shop.settings.gate)
        failed = [c.name for c in verdict.checks if not c.passed]
        return {"promoted": verdict.promote, "refused_by": failed, "checks": verdict.as_dict()["checks"]}

    def _race(self, ours: Bot, theirs: Bot) -> trial.Latency:
        """Real times: nothing remembered. Writing is raced where the generators differ."""
        talks = [scorecard.conversation(row) for row in self.test.iloc[:RACED].to_dict("records")]
        engines: list[Any] = [ours.engine, theirs.engine]
        policy = "retrieve" if engines[0].bare is engines[1].bare else "generate"
        indexes: list[Any] = [ours.index, theirs.index]
        bare = [
            replace(bot, policy=policy, index=remembered.bare, engine=engine.bare)
            for bot, remembered, engine in zip((ours, theirs), indexes, engines, strict=True)
        ]
        return trial.race(bare[0], bare[1], talks)


@dataclass
class Kept:
    """The outcomes of this bench so far, by trial, in a file that lives until the bench is done."""

    path: Path
    rows: dict[str, list[Row]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, bundle: Path | None, tuned: bool) -> Kept:
        """What an interrupted bench with the same code, models and settings has left in the home folder."""
        code = b"".join(p.read_bytes() for p in sorted(Path(deskloop.__file__).parent.rglob("*.py")))
        generator = (bundle / "manifest.json").read_bytes() if bundle else b""
        asked = settings.model_dump_json(exclude={"home"}).encode() + generator + bytes([tuned])
        return cls.read(settings.home / "bench" / f"gate-{hashlib.sha256(code + asked).hexdigest()[:16]}.jsonl")

    @classmethod
    def read(cls, path: Path) -> Kept:
        """What a file holds, but for a line that was being written when the bench was killed: it is cut off."""
        text = path.read_text("utf-8") if path.is_file() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole, "utf-8")
        done = [json.loads(line) for line in whole.splitlines()]
        return cls(path, {row["trial"]: row["rows"] for row in done})

    def add(self, name: str, rows: list[Row]) -> None:
        """Keep the outcome of a trial."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"trial": name, "rows": rows}) + "\n")
        self.rows[name] = rows


def run(settings: Settings, bundle: Path | None = None, tuned: bool = False, sizes: Sizes | None = None) -> Row:
    """The sample shop's challengers. `bundle` gives a generator; `tuned` fine-tunes each one's encoder, too."""
    kept = Kept.of(settings, bundle, tuned)
    with prepared(settings, bundle, tuned) as bench:
        result = compare(bench, sizes or Sizes(), kept)
    kept.path.unlink(missing_ok=True)
    return result | {"tuned": tuned, "generator": "of the bundle" if bundle else "base"}


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
    return Bench(shop, scorecard.test_cases(shop.messages))


def compare(bench: Bench, sizes: Sizes, kept: Kept) -> Row:
    """All challengers that are not kept yet, and how many of each kind were promoted."""
    trials = list(planned(bench.shop, sizes))
    left, began = [t for t in trials if t.id not in kept.rows], time.monotonic()
    resumed = len(trials) - len(left)
    if resumed:
        log.info("an interrupted bench goes on: %d of %d challengers are judged", resumed, len(trials))
    for number, tried in enumerate(left, 1):
        kept.add(tried.id, bench.outcomes(tried))
        minutes = (time.monotonic() - began) / number * (len(left) - number) / 60
        for row in kept.rows[tried.id]:
            _told(row, f"{resumed + number} of {len(trials)}, about {minutes:.0f} min left")
    return summary([row for t in trials for row in kept.rows[t.id]]) | {"resumed": resumed}


def _told(row: Row, place: str) -> None:
    came = "promoted" if row["promoted"] else f"refused by {', '.join(row['refused_by'])}"
    log.info("%s: %s, %s, against %s: %s: %s", place, row["kind"], row["name"], row["against"], row["measured"], came)


def summary(rows: list[Row]) -> Row:
    """Counts; a bad challenger counts as promoted if it was against either champion."""
    planted = [row for row in rows if row["kind"] not in HARMLESS]
    out: Row = {
        "bad": len({(r["kind"], r["name"]) for r in planted}),
        "bad_promoted": len({(r["kind"], r["name"]) for r in planted if r["promoted"]}),
    }
    for kind in HARMLESS:
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
