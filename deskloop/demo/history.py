"""How the hand-written messages became a year of history: which went to chat, which to tickets, and when.

Every message appears once as it was written. Early ones (nine months) are also grown by the synthetic source;
late ones (three months) never are, so that a split by time tests on hand-written messages alone. Everyday questions
are grown more than hard ones, since most of a desk's messages are of that kind.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from deskloop.demo import people
from deskloop.demo.chats import Talk, dressed
from deskloop.demo.cores import Core, cores, is_late, order_numbers, read
from deskloop.demo.faq import article_url
from deskloop.demo.people import Crowd, Customer
from deskloop.demo.tickets import Ticket
from deskloop.sources.synthetic import grow

CHAT_SHARE = 0.4
UNLABELLED = 0.05
TWICE = 8
_GROWN = {"everyday": (1, 1, 2), "hard": (0, 0, 1), "oos": (0, 0, 1)}
_GROWN_CHATS = 0.06
_CAPITAL = re.compile(r"\b[A-Z][a-z]{2,}\b")


@dataclass(frozen=True)
class History:
    """The year's chats and tickets and who wrote them."""

    talks: tuple[Talk, ...]
    tickets: tuple[Ticket, ...]
    customers: tuple[Customer, ...]


def history(desk: dict[str, Any], seed: int) -> History:
    """All rows of the year; the same seed gives the same."""
    chance = random.Random(f"{seed}:history")  # noqa: S311
    crowd = Crowd(people.customers(900, chance), chance)
    chatted = _chatted(cores(), chance)
    talks: list[Talk] = []
    tickets: list[Ticket] = []
    for core in cores():
        _place(_ticket(core, crowd, chance), core.id in chatted, talks, tickets, desk, chance)
    tickets += _again(talks, chance)
    for core in (c for c in cores() if not c.late):
        for ticket in _grown(core, crowd, seed, chance):
            _place(ticket, chance.random() < _GROWN_CHATS, talks, tickets, desk, chance)
    talks += [_dialogue(row, crowd, chance) for row in read("dialogues")]
    talks += [_other(row, crowd, desk, chance) for row in read("other")]
    return History(tuple(talks), tuple(tickets), tuple(crowd.people))


def _place(
    ticket: Ticket,
    as_chat: bool,
    talks: list[Talk],
    tickets: list[Ticket],
    desk: dict[str, Any],
    chance: random.Random,
) -> None:
    if as_chat:
        talks.append(_talk(ticket, desk, chance))
    else:
        tickets.append(ticket)


def _chatted(found: tuple[Core, ...], chance: random.Random) -> frozenset[str]:
    """Ids of the cores told as chats: the same share of every intent, early and late."""
    groups: defaultdict[tuple[str, bool], list[str]] = defaultdict(list)
    for core in found:
        groups[core.intent, core.late].append(core.id)
    picked = (chance.sample(ids, round(CHAT_SHARE * len(ids))) for ids in groups.values())
    return frozenset(i for ids in picked for i in ids)


def _ticket(core: Core, crowd: Crowd, chance: random.Random) -> Ticket:
    forgotten = not core.late and chance.random() < UNLABELLED
    return Ticket(
        at=people.moment(people.period(core.late), chance),
        customer=crowd.writer(core.text, core.late),
        body=core.text,
        reply=core.reply,
        intent=None if forgotten else core.intent,
        kind=core.intent,
        article_url=article_url(core.faq),
        synthetic=False,
        core_id=core.id,
    )


def _talk(ticket: Ticket, desk: dict[str, Any], chance: random.Random) -> Talk:
    turns = (("customer", ticket.body), *([("agent", ticket.reply)] if ticket.reply else []))
    return Talk(
        at=ticket.at,
        customer=ticket.customer,
        turns=dressed(turns, desk, chance),
        intent=ticket.intent,
        article_url=ticket.article_url,
        synthetic=ticket.synthetic,
        core_id=ticket.core_id,
    )


def _again(talks: list[Talk], chance: random.Random) -> list[Ticket]:
    """A few who chatted and then sent the same message by form, too."""
    early = [t for t in talks if t.intent and t.at.date() < people.EARLY[1] and _plainly_told(t)]
    out = []
    for talk in chance.sample(early, TWICE):
        text = next(text for role, text in talk.turns if role == "customer")
        reply = next(text for role, text in talk.turns if role == "agent")
        later = talk.at + timedelta(minutes=chance.randint(20, 900))
        out.append(
            Ticket(
                later,
                talk.customer,
                text,
                reply,
                talk.intent,
                str(talk.intent),
                talk.article_url,
                False,
                talk.core_id,
            )
        )
    return out


def _plainly_told(talk: Talk) -> bool:
    return [role for role, _ in talk.turns] == ["customer", "agent"]


def _grown(core: Core, crowd: Crowd, seed: int, chance: random.Random) -> list[Ticket]:
    wanted = chance.choice(_GROWN.get(core.id.split("-")[0], _GROWN["hard"]))
    out: list[Ticket] = []
    for text in grow(core.text, 3 * wanted, f"{seed}:{core.id}") if wanted else ():
        reply = _fitting_reply(core, text)
        if reply is not None and len(out) < wanted:
            ticket = _ticket(core, crowd, chance)
            customer = crowd.writer(text, core.late)
            out.append(replace(ticket, customer=customer, body=text, reply=reply, intent=core.intent, synthetic=True))
    return out


def _fitting_reply(core: Core, text: str) -> str | None:
    """The core's reply with the variant's order numbers; None if it repeats a day or name that the variant lost."""
    before, after = order_numbers(core.text), order_numbers(text.upper())
    if len(before) != len(after):
        return None
    shared = set(_CAPITAL.findall(core.text)) & set(_CAPITAL.findall(core.reply))
    if any(word.lower() not in text.lower() for word in shared):
        return None
    reply = core.reply
    for old, new in zip(before, after, strict=True):
        reply = reply.replace(old, new)
    return reply


def _dialogue(row: dict[str, Any], crowd: Crowd, chance: random.Random) -> Talk:
    """A conversation that was written whole."""
    said = " ".join(turn["text"] for turn in row["turns"])
    late = is_late(row["id"], "dialogues")
    return Talk(
        at=people.moment(people.period(late), chance),
        customer=crowd.writer(said, late),
        turns=tuple((turn["role"], turn["text"]) for turn in row["turns"]),
        intent=row["intent"],
        article_url=article_url(row["faq"]),
        core_id=row["id"],
    )


def _other(row: dict[str, Any], crowd: Crowd, desk: dict[str, Any], chance: random.Random) -> Talk:
    """A message in another language or of another tone, told as a chat."""
    turns = (("customer", row["text"]), *([("agent", row["reply"])] if row.get("reply") else []))
    return Talk(
        at=people.moment(people.EARLY, chance),
        customer=crowd.writer(row["text"], late=False),
        turns=dressed(turns, desk, chance),
        intent=row.get("intent"),
        article_url=article_url(row.get("faq")),
        core_id=row["id"],
    )
