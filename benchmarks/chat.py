"""Ask a champion what people wrote by hand, and keep what it says: `python benchmarks/chat.py HOME OUT_DIR`.

HOME is the home folder of a `deskloop demo --once`. The questions stand in benchmarks/shop: rewordings of each entry,
follow-ups, and what no entry answers. For each file OUT_DIR gets one of questions with their answers; the shares are
printed: answered from the right entry, the right entry offered with a hand-over, handed over, answered wrongly.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from deskloop.bot import MAX_TOKENS, Bot
from deskloop.database import connect
from deskloop.records import Answer
from deskloop.releases import Releases
from deskloop.settings import load

ASKED = Path(__file__).parent / "shop"
Case = tuple[str, list[str]]  # anchor of the right entry, or what kind of question none answers; the customer's turns


def main() -> None:
    """Ask all, write and count."""
    if len(sys.argv) != 3:
        sys.exit("usage: python benchmarks/chat.py HOME OUT_DIR")
    home, out = Path(sys.argv[1]), Path(sys.argv[2])
    champion = Releases(connect(f"sqlite:///{home / 'deskloop.db'}")).champion()
    if champion is None:
        sys.exit(f"{home} has no champion; run `deskloop demo --once` there")
    bot = Bot.load(champion.path, load(home.parent / "deskloop.yaml"))
    out.mkdir(parents=True, exist_ok=True)
    for name, cases in _cases().items():
        answers = _answers(bot, [turns for _, turns in cases])
        outcomes = [_outcome(right, answer) for (right, _), answer in zip(cases, answers, strict=True)]
        rows = zip(cases, answers, outcomes, strict=True)
        text = "\n".join(_told(right, turns, answer, outcome) for (right, turns), answer, outcome in rows)
        (out / f"{name}.txt").write_text(text, "utf-8")
        shares = ", ".join(f"{outcome} {n} ({n / len(cases):.1%})" for outcome, n in Counter(outcomes).most_common())
        print(f"{name}: {len(cases)} asked; {shares}")


def _cases() -> dict[str, list[Case]]:
    lines = {
        name: [line.split("|") for line in (ASKED / f"{name}.txt").read_text("utf-8").splitlines() if line[:1] != "#"]
        for name in ("rewordings", "followups", "unanswerable")
    }
    return {
        "rewordings": [(right, [asked]) for right, *all_ in lines["rewordings"] for asked in all_],
        "followups": [(right, [before, asked]) for before, asked, right in lines["followups"]],
        "unanswerable": [("-", ["|".join(asked)]) for _, *asked in lines["unanswerable"]],
    }


def _answers(bot: Bot, talks: Sequence[Sequence[str]]) -> list[Answer]:
    asked = [[{"role": "user", "content": turn} for turn in turns] for turns in talks]
    plans = bot.plan_many(asked)
    writing = [i for i, plan in enumerate(plans) if plan.kind == "generate" and bot.engine is not None]
    assert bot.engine is not None
    written = bot.engine.generate([bot.compose(plans[i], asked[i]) for i in writing], MAX_TOKENS)
    texts = dict(zip(writing, written, strict=True))
    return [bot.finish(plan, texts.get(i, "")) for i, plan in enumerate(plans)]


def _outcome(right: str, answer: Answer) -> str:
    def among(entries: Sequence[object]) -> bool:
        return any(str(getattr(e, "url", "")).endswith(f"#{right}") for e in entries)

    if answer.kind in ("generate", "retrieve"):
        return "right" if among(answer.sources) else "wrong"
    return "offered" if among(answer.suggestions) else "handed over"


def _told(right: str, turns: Sequence[str], answer: Answer, outcome: str) -> str:
    offered = "".join(f"\n   ? {entry.question}" for entry in answer.suggestions)
    how = f"{outcome} ({answer.reason or answer.kind})"
    return f"[{right}] {how}\n   Q {' // '.join(turns)}\n   A {answer.text}{offered}\n"


if __name__ == "__main__":
    main()
