"""The champion in the terminal: questions from a person's keyboard, or lines of a file that is piped in.

Knows nothing about releases or HTTP; stores nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from deskloop.bot import Bot
from deskloop.records import Answer


def talk(bot: Bot, quiet: bool) -> list[dict[str, Any]]:
    """Answer until an empty line or the end. Returns the turns; `quiet` prints none of them."""
    turns: list[dict[str, Any]] = []
    for line in _typed(quiet):
        turns.append({"role": "user", "content": line})
        for piece in bot.stream([{"role": t["role"], "content": t["content"]} for t in turns]):
            if isinstance(piece, Answer):
                turns.append(_turn(piece))
                told = [f"[{s.question} {s.link or ''}]" for s in piece.sources]
                told += [f"{n}. {s.question}" for n, s in enumerate(piece.suggestions, 1)]
                piece = "".join(f"\n     {line}" for line in told) + "\n"
            if not quiet:
                print(piece, end="", flush=True)
    return turns


def _typed(quiet: bool) -> Iterator[str]:
    """Lines of the customer, up to an empty one."""
    asked = "" if quiet or not sys.stdin.isatty() else "you: "
    while True:
        try:
            line = input(asked).strip()
        except EOFError:
            return
        if not line:
            return
        yield line


def _turn(answer: Answer) -> dict[str, Any]:
    told = answer.model_dump(mode="json", include={"kind", "intent", "confidence", "reason"})
    cited = {
        name: [{"id": s.id, "question": s.question, "url": s.url} for s in sources]
        for name, sources in (("sources", answer.sources), ("suggestions", answer.suggestions))
    }
    return {"role": "assistant", "content": answer.text, **told, **cited}
