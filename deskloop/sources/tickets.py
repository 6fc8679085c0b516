"""Tickets of Zendesk and Freshdesk, with their comments inside, as the fields of a conversation.

Private notes are left out. Knows nothing about how a ticket was come by.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deskloop.records import Turn
from deskloop.settings import Settings
from deskloop.sources.batch import moment, turn
from deskloop.sources.identity import customer_hash
from deskloop.text.html import to_text

_FRESHDESK_EMAIL = (1, 10)  # sources: e-mail, outbound e-mail
_FRESHDESK_STATES = {2: "open", 3: "pending", 4: "solved", 5: "closed"}


def zendesk(ticket: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """A ticket of the incremental export with `comments` and, where known, their `users`."""
    users = {user["id"]: user for user in ticket.get("users") or []}
    customer = users.get(ticket["requester_id"], {})
    via = str((ticket.get("via") or {}).get("channel") or "")
    said = ticket.get("comments") or [{"author_id": ticket["requester_id"], "body": ticket.get("description")}]
    rated = (ticket.get("satisfaction_rating") or {}).get("score")
    return {
        "id": str(ticket["id"]),
        "channel": {"email": "email", "chat": "chat"}.get(via, "ticket"),
        "started_at": moment(ticket.get("created_at")),
        "customer": customer_hash(customer.get("email") or ticket["requester_id"], settings),
        "turns": _told(ticket, (t for comment in said for t in _comment(comment, ticket, users))),
        "outcome": rated if rated in ("good", "bad") else ticket.get("status"),
        "intent": _intent(ticket),
        "names": _names(users.values()),
    }


def _comment(comment: dict[str, Any], ticket: dict[str, Any], users: dict[Any, dict[str, Any]]) -> Iterator[Turn]:
    text = comment.get("plain_body") or comment.get("body") or to_text(str(comment.get("html_body") or ""))
    author = comment.get("author_id")
    if comment.get("public") is False or not str(text).strip():
        return
    asks = author == ticket["requester_id"] or users.get(author, {}).get("role") == "end-user"
    # -1 is the system: triggers and answer bots
    yield turn("customer" if asks else "bot" if author == -1 else "agent", text, comment.get("created_at"))


def freshdesk(ticket: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """A ticket with its `requester` and `conversations`."""
    customer = ticket.get("requester") or {}
    opening = ticket.get("description_text") or to_text(str(ticket.get("description") or ""))
    turns = [turn("customer", opening, ticket.get("created_at"))] if str(opening).strip() else []
    turns += [t for said in ticket.get("conversations") or [] for t in _said(said)]
    return {
        "id": str(ticket["id"]),
        "channel": {7: "chat", **dict.fromkeys(_FRESHDESK_EMAIL, "email")}.get(ticket.get("source") or 0, "ticket"),
        "started_at": moment(ticket.get("created_at")),
        "customer": customer_hash(customer.get("email") or ticket.get("requester_id"), settings),
        "turns": _told(ticket, iter(turns)),
        "outcome": _FRESHDESK_STATES.get(ticket["status"], str(ticket["status"])),
        "intent": _intent(ticket),
        "names": _names([customer]),
    }


def _said(said: dict[str, Any]) -> Iterator[Turn]:
    text = said.get("body_text") or to_text(str(said.get("body") or ""))
    if not said.get("private") and str(text).strip():
        yield turn("customer" if said.get("incoming") else "agent", text, said.get("created_at"))


def _told(ticket: dict[str, Any], turns: Iterator[Turn]) -> tuple[Turn, ...]:
    """Oldest first; the subject stands above what the customer said first, where it says something of its own."""
    told = sorted(turns, key=lambda t: t.at.timestamp() if t.at else 0.0)
    subject = str(ticket.get("subject") or "").strip()
    for place, said in enumerate(told):
        if said.role == "customer":
            if len(subject.split()) > 1 and subject.lower() not in said.text.lower():
                told[place] = said.model_copy(update={"text": f"{subject}\n\n{said.text}"})
            break
    return tuple(told)


def _intent(ticket: dict[str, Any]) -> str | None:
    """The intent among the tags, written `intent:name` or, as Zendesk allows no colon, `intent__name`."""
    for tag in ticket.get("tags") or []:
        for mark in ("intent:", "intent__"):
            if str(tag).lower().startswith(mark):
                return str(tag)[len(mark) :].strip() or None
    return None


def _names(people: Any) -> tuple[str, ...]:
    return tuple(sorted({str(p["name"]).strip() for p in people if str(p.get("name") or "").strip()}))
