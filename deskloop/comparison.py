"""Two versions side by side: what each answers to the same questions, the differences first, and their scores.

Reads bundles and held-out messages; keeps nothing, and knows nothing about how versions came about.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from deskloop.bot import MAX_TOKENS, Bot
from deskloop.bundle import LEARNT
from deskloop.errors import BadInput, CorruptBundle
from deskloop.metrics import paired_bootstrap
from deskloop.records import Answer, Receipt
from deskloop.releases import Release
from deskloop.settings import Settings
from deskloop.store import Store

CHANGES = ("now answered", "now handed over", "another entry", "other words", "same")  # in the order shown
Row = dict[str, Any]


def compare(a: Release, b: Release, settings: Settings, questions: Path | None = None, limit: int = 100) -> Row:
    """Answers of both to at most `limit` questions: those of the file, else held-out messages of the later version.

    Raises BadInput where there is nothing to ask.
    """
    asked = (from_file(questions) if questions else held_out((a, b), settings))[:limit]
    if not asked:
        raise BadInput("there are no held-out messages of these versions here; name a file with --questions")
    talks = [_talk(row) for row in asked]
    said = [answers(release.path, talks, settings) for release in (a, b)]
    rows = [_row(row, *pair) for row, pair in zip(asked, zip(*said, strict=True), strict=True)]
    rows.sort(key=lambda row: CHANGES.index(row["change"]))
    counts = Counter(row["change"] for row in rows)
    return {
        "a": a.version, "b": b.version, "asked": len(rows), "differ": len(rows) - counts["same"],
        "changes": {name: counts[name] for name in CHANGES},
        "here": _here(rows), "scores": deltas(a.metrics, b.metrics), "answers": rows,
    }  # fmt: skip


def from_file(path: Path) -> list[Row]:
    """Questions of a file: JSON lines with `text` (and perhaps `previous`, `intent`), or one question a line."""
    if not path.is_file():
        raise BadInput(f"{path} is not there; it should hold one question a line, or JSON lines with `text`")
    lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    try:
        rows = [json.loads(line) for line in lines] if path.suffix == ".jsonl" else [{"text": line} for line in lines]
        return [
            {"text": str(row["text"])} | {n: row[n] for n in ("previous", "intent") if row.get(n)} for row in rows
        ]
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{path} needs JSON lines with `text`, or another ending with one question a line") from None


def past(release: Release, settings: Settings) -> pd.DataFrame | None:
    """The messages that a version was made from; None where they are not here: erased, or another machine's."""
    learnt = release.path / LEARNT
    if not learnt.is_file():
        return None
    try:
        receipt = Receipt(kind="messages", sha256=learnt.read_text("utf-8"), rows=0)
        messages: pd.DataFrame = Store(settings.store_root).table(receipt)
    except CorruptBundle:
        return None
    return messages


def held_out(releases: Sequence[Release], settings: Settings) -> list[Row]:
    """The test messages of the latest of these versions whose data are still here, spread over the whole split."""
    from deskloop.scorecard import test_cases

    for release in sorted(releases, key=lambda r: -r.version):
        messages = past(release, settings)
        if messages is None:
            continue
        test = test_cases(messages).sample(frac=1, random_state=0)[["text", "previous", "intent"]]
        rows = test.to_dict("records")
        return [{str(n): v for n, v in row.items() if isinstance(v, str) and v} for row in rows]
    return []


def answers(bundle: Path, talks: Sequence[Sequence[Mapping[str, str]]], settings: Settings) -> list[Answer]:
    """What a bundle would show for each conversation, written in batches. Raises CorruptBundle."""
    bot = Bot.load(bundle, settings)
    try:
        plans = bot.plan_many(talks)
        writing = [i for i, plan in enumerate(plans) if plan.kind == "generate"] if bot.engine else []
        prompts = [bot.compose(plans[i], talks[i]) for i in writing]
        texts = bot.engine.generate(prompts, MAX_TOKENS) if bot.engine and prompts else []
        written = dict(zip(writing, texts, strict=True))
        return [bot.finish(plan, written.get(i, "")) for i, plan in enumerate(plans)]
    finally:
        bot.close()


def deltas(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Row]:
    """Scores that were registered with both versions, and the second less the first."""
    both = [n for n in a if n in b and all(isinstance(m[n], float) and math.isfinite(m[n]) for m in (a, b))]
    return [{"score": name, "a": a[name], "b": b[name], "delta": b[name] - a[name]} for name in both]


def told(result: Row, shown: int = 20) -> str:
    """For a person: scores, the count of each change, and the answers that differ."""
    from deskloop.cards import markdown

    a, b = f"v{result['a']}", f"v{result['b']}"
    changes = ", ".join(f"{n} {name}" for name, n in result["changes"].items() if n)
    lines = [f"{result['asked']} questions, {b} after {a}: {changes}.", ""]
    lines += [f"{name}: {a} {row['a']:.3f}, {b} {row['b']:.3f}{row['told']}" for name, row in result["here"].items()]
    lines += ["", "Scores registered with each version:", markdown(result["scores"])]
    for row in [r for r in result["answers"] if r["change"] != "same"][:shown]:
        lines += [
            f"[{row['change']}] {row['question']}",
            *(f"  {n}: {_line(row[k])}" for n, k in ((a, "a"), (b, "b"))),
        ]
    left = result["differ"] - shown
    return "\n".join([*lines, *([f"... and {left} more; --json has them all"] if left > 0 else [])])


def _talk(row: Row) -> list[dict[str, str]]:
    before = [{"role": "user", "content": row["previous"]}] if row.get("previous") else []
    return [*before, {"role": "user", "content": row["text"]}]


def _row(asked: Row, a: Answer, b: Answer) -> Row:
    rest = {"intent": asked["intent"]} if asked.get("intent") else {}
    return {"question": asked["text"], **rest, "change": _change(a, b), "a": _side(a), "b": _side(b)}


def _side(answer: Answer) -> Row:
    told = answer.model_dump(mode="json", include={"text", "kind", "intent", "confidence", "reason"})
    return {**told, "sources": [s.question for s in answer.sources]}


def _change(a: Answer, b: Answer) -> str:
    if (a.kind == "handoff") != (b.kind == "handoff"):
        return CHANGES[0] if a.kind == "handoff" else CHANGES[1]
    if [s.id for s in a.sources] != [s.id for s in b.sources]:
        return CHANGES[2]
    return CHANGES[4] if a.text == b.text else CHANGES[3]


def _here(rows: Sequence[Row]) -> Row:
    """Figures on the questions just asked; `told` is the paired interval of the second less the first."""
    shown = [[float(row[side]["kind"] in ("generate", "retrieve")) for row in rows] for side in "ab"]
    known = [row for row in rows if "intent" in row]
    right = [[float(row[side]["intent"] == row["intent"]) for row in known] for side in "ab"]
    pairs = {"answered": shown} | ({"intent right": right} if known else {})
    return {name: _pair(*both) for name, both in pairs.items()}


def _pair(a: Sequence[float], b: Sequence[float]) -> Row:
    told = f", difference {paired_bootstrap(b, a)}"
    return {"a": sum(a) / len(a), "b": sum(b) / len(b), "cases": len(a), "told": told}


def _line(side: Row) -> str:
    why = f" ({side['reason']})" if side["reason"] else ""
    return f"{side['kind']}{why}: {' '.join(side['text'].split())}"
