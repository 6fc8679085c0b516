"""The hand-written content of the sample shop: one row per message, as its writers typed it.

Three kinds: everyday questions, short and plain as most are (`everyday.txt`, answered from the desk's saved
replies); hard ones, told in a roundabout way (`intents.jsonl`); and messages that are none of the desk's business
(`oos.jsonl`). Knows nothing about the forms that they are shipped in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from deskloop.demo.faq import CORES, by_slug

# From these numbers on, a file's rows are late: held out as the test.
FIRST_LATE = {"intents": 38, "oos": 46, "dialogues": 45}


@dataclass(frozen=True)
class Core:
    """One hand-written message with the desk's reply. `faq` is the slug of the entry that answers it."""

    id: str
    intent: str
    faq: str | None
    text: str
    reply: str
    late: bool


def read(name: str) -> list[dict[str, Any]]:
    """Rows of one JSONL file of hand-written content."""
    return [json.loads(line) for line in (CORES / f"{name}.jsonl").read_text("utf-8").splitlines() if line.strip()]


@cache
def cores() -> tuple[Core, ...]:
    """All single messages: everyday, hard, out of scope."""
    return (*_everyday(), *_rows("intents"), *_rows("oos"))


def is_late(row_id: str, name: str) -> bool:
    """Whether a row of the file `name` belongs to the last three months, by its number."""
    return int(row_id.rsplit("-", 1)[1]) >= FIRST_LATE[name]


def order_numbers(text: str) -> list[str]:
    """The shop's order numbers in a text."""
    return re.findall(r"\bLF-\d{6}\b", text)


def addresses(text: str) -> list[str]:
    """E-mail addresses in a text."""
    return re.findall(r"[\w.+-]+@example\.(?:com|org|net)\b", text)


def _rows(name: str) -> Iterator[Core]:
    for row in read(name):
        yield Core(row["id"], row["intent"], row["faq"], row["text"], row["reply"], is_late(row["id"], name))


def _everyday() -> Iterator[Core]:
    """Each block is a slug (`##`), its early (`e:`) and late (`l:`) questions and its saved replies (`r:`)."""
    for block in (CORES / "everyday.txt").read_text("utf-8").split("## ")[1:]:
        slug, *lines = block.strip().splitlines()
        replies = [line[3:] for line in lines if line.startswith("r: ")]
        asked = [line for line in lines if not line.startswith("r: ")]
        for number, line in enumerate(asked):
            name = f"everyday-{slug}-{number + 1:02d}"
            reply = replies[number % len(replies)]
            yield Core(name, by_slug()[slug].intent, slug, line[3:], reply, line.startswith("l: "))
