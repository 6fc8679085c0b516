"""The generator's prompt: a short instruction, the best knowledge entries, and the conversation.

Short on purpose: on a CPU every prompt token costs time in training and before the first word of an answer.
Knows nothing about tokens or models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from deskloop.generator.passage import nearest
from deskloop.records import Source

Message = Mapping[str, str]
MAX_ENTRIES = 2
MAX_TURNS = 3
ENTRY_WORDS = 70  # of one entry: of a long one, the sentences nearest the question
MAX_WORDS = 90  # of one turn: a long e-mail is cut in the middle, its question is at an end


def messages(shop: str, knowledge: Sequence[Source], turns: Sequence[Message]) -> list[dict[str, str]]:
    """Chat messages for the generator: one system message, then at most the last three turns.

    `turns` are [{"role": "user" | "assistant", "content"}], oldest first; the first one kept is a user's.
    """
    kept = [{"role": t["role"], "content": _cut(t["content"])} for t in turns if t["role"] != "system"]
    kept = kept[-MAX_TURNS:]
    while kept and kept[0]["role"] != "user":
        kept.pop(0)
    asked = " ".join(turn["content"] for turn in kept if turn["role"] == "user")
    return [{"role": "system", "content": system(shop, knowledge[:MAX_ENTRIES], asked)}, *kept]


def system(shop: str, knowledge: Iterable[Source], question: str = "") -> str:
    """The system message: who speaks, how, and what it may rest on."""
    notes = "\n".join(f"- {e.question} {nearest(e.answer, question, ENTRY_WORDS)}" for e in knowledge)
    return (
        f"You answer customers of {shop} in one or two friendly sentences, using only these notes.\n"
        f"{notes or '- (none)'}"
    )


def _cut(text: str) -> str:
    words = text.split()
    if len(words) <= MAX_WORDS:
        return " ".join(words)
    half = MAX_WORDS // 2
    return " ".join([*words[:half], "...", *words[-half:]])
