"""The sample shop's chats as a Zendesk Chat export, with what such exports carry besides the talk.

Bot lines, joins and leaves, private notes, ratings, HTML entities, missed chats. Knows nothing of how it is read.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any

from deskloop.demo import people
from deskloop.demo.people import Customer

_PLATFORMS = (
    ("iOS", "Safari"),
    ("Android", "Chrome"),
    ("Windows", "Edge"),
    ("Windows", "Firefox"),
    ("Mac OS", "Safari"),
)


@dataclass(frozen=True)
class Talk:
    """A conversation to be told as a chat. `turns` are (role, text) with role customer, agent, bot or note."""

    at: datetime
    customer: Customer
    turns: tuple[tuple[str, str], ...]
    intent: str | None = None
    article_url: str | None = None
    synthetic: bool = False
    core_id: str | None = None
    rating: str | None = None


def export(talks: Iterable[Talk], desk: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """Chats of the export, oldest first, numbered within their month."""
    chance = random.Random(f"{seed}:chats")  # noqa: S311
    numbers: dict[str, int] = {}
    out = []
    for talk in sorted(talks, key=lambda t: (t.at, t.core_id or "", t.turns)):
        month = talk.at.strftime("%y%m")
        numbers[month] = numbers.get(month, 0) + 1
        out.append(_chat(f"{month}.{numbers[month]:05d}", talk, desk, chance))
    return out


def dressed(
    turns: tuple[tuple[str, str], ...], desk: dict[str, Any], chance: random.Random
) -> tuple[tuple[str, str], ...]:
    """A question and its reply with what surrounds them in life: a bot's welcome, a greeting, notes, thanks."""
    out: list[tuple[str, str]] = []
    if chance.random() < 0.45:
        out.append(("bot", chance.choice(desk["bot"])))
    if chance.random() < 0.12:
        out.append(("customer", chance.choice(desk["hello"])))
    for role, text in turns:
        if role == "agent" and chance.random() < 0.12:
            out.append(("note", chance.choice(desk["notes"])))
        out += [(role, part) for part in (_parted(text, chance) if role == "customer" else [text])]
    if chance.random() < 0.45:
        out.append(("customer", chance.choice(desk["thanks"])))
        if chance.random() < 0.5:
            out.append(("agent", chance.choice(desk["goodbye"])))
    return tuple(out)


def _parted(text: str, chance: random.Random) -> list[str]:
    """Some press enter after every sentence."""
    parts = text.replace("? ", "?\n").replace(". ", ".\n").split("\n")
    parts = [p.strip() for p in parts if p.strip()]
    if not 1 < len(parts) < 5 or chance.random() > 0.1:
        return [text]
    return parts


def _chat(number: str, talk: Talk, desk: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    agent = chance.choice(people.AGENTS)
    answered = any(role == "agent" for role, _ in talk.turns)
    history = list(_history(number, talk, agent, chance))
    ended = datetime.fromisoformat(history[-1]["timestamp"])
    rating = talk.rating or chance.choices((None, "good", "bad"), (70, 25, 5))[0]
    platform, browser = chance.choice(_PLATFORMS)
    spoken = [h.get("sender_type") for h in history if h["type"] == "chat.msg" and not h.get("private")]
    return {
        "id": number,
        "type": "chat",
        "timestamp": _stamp(talk.at),
        "started_by": "visitor",
        "unread": False,
        "missed": not answered,
        "department_id": 5,
        "department_name": "Customer care",
        "agent_ids": [agent[0]] if answered else [],
        "agent_names": [agent[1]] if answered else [],
        "tags": _tags(talk, chance),
        "rating": rating if answered else None,
        "comment": chance.choice(desk["comments"]) if answered and rating and chance.random() < 0.3 else None,
        "duration": int((ended - talk.at).total_seconds()),
        "visitor": {
            "id": f"v{talk.customer.id:05d}",
            "name": talk.customer.name,
            "email": talk.customer.email if chance.random() < 0.8 else "",
            "phone": "",
            "notes": "",
        },
        "session": {
            "id": f"s{number}", "start_date": _stamp(talk.at), "end_date": _stamp(ended), "platform": platform,
            "browser": browser, "country_code": talk.customer.country, "city": talk.customer.city,
        },
        "count": {"total": len(spoken), "visitor": spoken.count("Visitor"), "agent": spoken.count("Agent")},
        "custom": {"article_url": talk.article_url, "synthetic": talk.synthetic, "core_id": talk.core_id},
        "history": history,
    }  # fmt: skip


def _tags(talk: Talk, chance: random.Random) -> list[str]:
    label = [f"intent:{talk.intent}"] if talk.intent else []
    return label + ([chance.choice(("web", "vip", "follow-up"))] if chance.random() < 0.1 else [])


def _history(number: str, talk: Talk, agent: tuple[str, str], chance: random.Random) -> Iterator[dict[str, Any]]:
    at = talk.at
    visitor = {"name": talk.customer.name, "sender_type": "Visitor"}
    yield _event(0, "chat.memberjoin", at, number, visitor)
    joined = False
    index = 1
    for role, text in talk.turns:
        at += timedelta(seconds=_pause(role, text, chance))
        if role in ("agent", "note") and not joined:
            joined = True
            yield _event(index, "chat.memberjoin", at - timedelta(seconds=2), number, _agent(agent))
            index += 1
        yield _message(index, at, number, role, text, visitor if role == "customer" else _agent(agent))
        index += 1
    leaves = {"name": talk.customer.name, "reason": chance.choice(("user_leave", "user_leave", "disconnect_user"))}
    yield _event(index, "chat.memberleave", at + timedelta(seconds=chance.randint(4, 200)), number, leaves)


def _message(index: int, at: datetime, number: str, role: str, text: str, sender: dict[str, Any]) -> dict[str, Any]:
    if role == "bot":
        sender = {"name": "Pip", "sender_type": "Trigger"}
    # The export escapes HTML, as the API does.
    said = {"msg_id": f"{number}.{index}", "msg": escape(text, quote=False), **sender}
    event = _event(index, "chat.msg", at, number, said)
    return {**event, "channel": f"whisper_{number}", "private": True} if role == "note" else event


def _event(index: int, kind: str, at: datetime, number: str, rest: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "channel": f"conversation_{number}", "timestamp": _stamp(at), "index": index, **rest}


def _agent(agent: tuple[str, str]) -> dict[str, Any]:
    return {"name": agent[1], "sender_type": "Agent", "agent_id": agent[0], "department_id": 5}


def _pause(role: str, text: str, chance: random.Random) -> int:
    """Seconds until the next line: a bot at once, people by the length of what they type."""
    if role == "bot":
        return 1
    return chance.randint(5, 40) + len(text) // (4 if role == "customer" else 6)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
