"""Ask a champion what people wrote by hand, and keep what it says: `python benchmarks/chat.py HOME OUT_DIR`.

HOME is the home folder of a `deskloop demo --once`. The questions stand in benchmarks/shop: rewordings of each entry,
follow-ups, talks, and what no entry answers. For each file OUT_DIR gets one of questions with their answers; the
shares are printed: answered from the right entry, the right entry offered with a hand-over, handed over, answered
wrongly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shop import arguments, asked

from deskloop.bot import Bot
from deskloop.records import Answer, Source
from deskloop.settings import load

Case = tuple[str, list[str]]  # anchor of the right entry, or what kind of question none answers; the customer's turns


def main() -> None:
    """Ask all, write and count."""
    home, out, champion = arguments()
    within = home / "demo" / "deskloop.yaml"  # where DESKLOOP_HOME named the home folder
    bot = Bot.load(champion.path, load(within if within.exists() else home.parent / "deskloop.yaml"))
    for name, cases in _cases().items():
        answers = [bot.answer([{"role": "user", "content": turn} for turn in turns]) for _, turns in cases]
        outcomes = [_outcome(right, answer) for (right, _), answer in zip(cases, answers, strict=True)]
        rows = zip(cases, answers, outcomes, strict=True)
        text = "\n".join(_told(right, turns, answer, outcome) for (right, turns), answer, outcome in rows)
        (out / f"{name}.txt").write_text(text, "utf-8")
        shares = ", ".join(f"{outcome} {n} ({n / len(cases):.1%})" for outcome, n in Counter(outcomes).most_common())
        print(f"{name}: {len(cases)} asked; {shares}")


def _cases() -> dict[str, list[Case]]:
    return {
        "rewordings": [(right, [reworded]) for right, *all_ in asked("rewordings") for reworded in all_],
        **{name: [(right, turns) for *turns, right in asked(name)] for name in ("followups", "talks")},
        "unanswerable": [("-", ["|".join(question)]) for _, *question in asked("unanswerable")],
    }


def _outcome(right: str, answer: Answer) -> str:
    def among(entries: Sequence[Source]) -> bool:
        return any((e.url or "").endswith(f"#{right}") for e in entries)

    if answer.kind in ("generate", "retrieve"):
        return "right" if among(answer.sources) else "wrong"
    return "offered" if among(answer.suggestions) else "handed over"


def _told(right: str, turns: Sequence[str], answer: Answer, outcome: str) -> str:
    offered = "".join(f"\n   ? {entry.question}" for entry in answer.suggestions)
    how = f"{outcome} ({answer.reason or answer.kind})"
    return f"[{right}] {how}\n   Q {' // '.join(turns)}\n   A {answer.text}{offered}\n"


if __name__ == "__main__":
    main()
