"""The script of the after period: what customers write once couriers strike and the e-bike is sold.

New matters mixed with ordinary ones, in a shuffled order. Knows nothing about how it is played.
"""

from __future__ import annotations

import random
from typing import Any

from deskloop.demo.cores import cores, read
from deskloop.demo.faq import article_url

ORDINARY_SHARE = 0.2


def script(seed: int) -> list[dict[str, Any]]:
    """Rows of messages (one or more customer turns), intent, reply, article_url."""
    chance = random.Random(f"{seed}:after")  # noqa: S311
    new = [_row(row) for row in read("after")]
    rows = new + _ordinary(round(len(new) * ORDINARY_SHARE / (1 - ORDINARY_SHARE)), chance)
    chance.shuffle(rows)
    return rows


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "messages": [row["text"]],
        "intent": row["intent"],
        "reply": row["reply"],
        "article_url": article_url(row["faq"]),
    }


def _ordinary(count: int, chance: random.Random) -> list[dict[str, Any]]:
    """Everyday questions of the late period: life goes on beside the news."""
    late = [core for core in cores() if core.late and core.faq]
    return [
        {
            "id": f"again-{core.id}",
            "messages": [core.text],
            "intent": core.intent,
            "reply": core.reply,
            "article_url": article_url(core.faq),
        }
        for core in chance.sample(late, count)
    ]
