"""The hand-written content of the sample shop: one row per message, as its writers typed it.

Reads `cores/*.jsonl`; knows nothing about the forms that it is shipped in.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from deskloop.demo.faq import CORES

OUT_OF_SCOPE = "out_of_scope"
_FIRST_LATE = {"cores": 24, "oos": 46, "dialogues": 45}


@dataclass(frozen=True)
class Core:
    """One hand-written message with the desk's reply. `late` ones are held out as the test."""

    id: str
    intent: str
    faq: str | None
    text: str
    reply: str
    late: bool


def read(name: str) -> list[dict[str, Any]]:
    """Rows of one file of hand-written content."""
    return [json.loads(line) for line in (CORES / f"{name}.jsonl").read_text("utf-8").splitlines() if line.strip()]


@cache
def cores() -> tuple[Core, ...]:
    """Messages of the 25 intents and those out of scope, in the order of their files."""
    found = [_core(row, "cores") for row in read("intents")]
    return (*found, *(_core(row, "oos") for row in read("oos")))


def is_late(row_id: str, kind: str) -> bool:
    """Whether a row belongs to the last three months, by its number."""
    return int(row_id.rsplit("-", 1)[1]) >= _FIRST_LATE[kind]


def order_numbers(text: str) -> list[str]:
    """The shop's order numbers in a text."""
    return re.findall(r"\bLF-\d{6}\b", text)


def addresses(text: str) -> list[str]:
    """E-mail addresses in a text."""
    return re.findall(r"[\w.+-]+@example\.(?:com|org|net)\b", text)


def _core(row: dict[str, Any], kind: str) -> Core:
    return Core(row["id"], row["intent"], row["faq"], row["text"], row["reply"], is_late(row["id"], kind))
