"""Tickets of Zendesk and Freshdesk, with their comments inside, as the fields of a conversation.

Private notes are left out. Knows nothing about how a ticket was come by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deskloop.records import Attachment, Turn
from deskloop.settings import Settings
from deskloop.sources.batch import turn
from deskloop.sources.identity import customer_hash
from deskloop.sources.times import moment
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
        "attachments": listed(a for c in said if c.get("public") is not False for a in c.get("attachments") or []),
    }


def with_users(ticket: dict[str, Any], users: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    """The ticket with those of the side-loaded users who take part in it, unless it has its own."""
    part = [ticket.get(f"{role}_id") for role in ("requester", "submitter", "assignee")]
    part += [comment.get("author_id") for comment in ticket.get("comments") or []]
    return {"users": [users[who] for who in dict.fromkeys(part) if who in users], **ticket}


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
        "attachments": listed(
            a
            for said in [ticket, *(ticket.get("conversations") or [])]
            if not said.get("private")
            for a in said.get("attachments") or []
        ),
    }


def listed(files: Iterable[Any]) -> list[Attachment]:
    """Attachments as any of the vendors describes them."""
    return [_attachment(file) for file in files if isinstance(file, dict)]


def _attachment(file: dict[str, Any]) -> Attachment:
    def first(*names: str) -> Any:
        return next((file[name] for name in names if file.get(name)), None)

    name = first("file_name", "name", "filename") or str(first("data_url", "url") or "unnamed").rpartition("/")[2]
    size = first("size", "filesize", "file_size")
    kind = first("content_type", "mime_type", "file_type") or ""
    return Attachment(name=str(name)[:200], type=str(kind), size=size if isinstance(size, int) and size > 0 else None)


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
