"""Help-desk exports: Zendesk Chat and tickets, Intercom, Chatwoot, Freshdesk, as their APIs return them.

Private notes, joins, leaves, closings and other activity are left out; the machine's own lines become `bot`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

from deskloop.errors import BadInput
from deskloop.origins import HelpdeskSource
from deskloop.records import Turn
from deskloop.settings import Settings
from deskloop.sources import tickets
from deskloop.sources.batch import Batch, Builder, existing, path_fingerprint, turn, visible_files
from deskloop.sources.identity import customer_hash
from deskloop.sources.jsons import beside
from deskloop.sources.tables import Row, scan
from deskloop.sources.times import moment
from deskloop.text.html import to_text

_SIMPLE_HTML = re.compile(r"</?(?:p|br|b|i|strong|em|span|a)\b[^>]*>", re.I)
_ZENDESK_ROLES = {"visitor": "customer", "agent": "agent", "trigger": "bot", "system": "bot", "bot": "bot"}
_CHATWOOT_TYPES = {0: "incoming", 1: "outgoing", 2: "activity", 3: "template"}
_BOT_NAMES = ("bot", "trigger", "assistant bot", "answer bot", "flow builder")


def read(source: HelpdeskSource, settings: Settings) -> Batch:
    """Read an export file, or every file of a folder. Raises BadInput."""
    path = existing(source, source.path)
    builder = Builder(source.name)
    for file in visible_files(path) if path.is_dir() else [path]:
        users = _users(file) if source.format == "zendesk" else {}
        for row in _rows(file, alone=file == path):
            if row.value is None:
                builder.refuse(row.locator, row.problem, row.raw)
                continue
            record = tickets.with_users(row.value, users) if users else row.value
            add(builder, source.format, row.locator, record, row.raw, settings)
    return builder.batch(path)


def _users(file: Path) -> dict[Any, dict[str, Any]]:
    """By id, those side-loaded with a page of tickets; of a file that cannot be read its rows tell why."""
    try:
        return {user.get("id"): user for user in beside(file, "users")}
    except BadInput:
        return {}


def _rows(file: Path, alone: bool) -> Iterator[Row]:
    """One bad file among several is set aside; alone it is the user's to mend."""
    try:
        yield from scan(file)
    except BadInput as error:
        if alone:
            raise
        yield Row(file.name, None, str(error).removeprefix(str(file)).lstrip(": ")[:200])


def add(builder: Builder, form: str, locator: str, record: dict[str, Any], raw: Any, settings: Settings) -> None:
    """Add a record of this form as a conversation; one of another form is set aside."""
    take = {"zendesk_chat": _zendesk, "intercom": _intercom, "chatwoot": _chatwoot,
            "zendesk": tickets.zendesk, "freshdesk": tickets.freshdesk}[form]  # fmt: skip
    try:
        values = take(record, settings)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else f"{type(error).__name__} {str(error)[:80]}"
        builder.refuse(locator, f"not a conversation as {form} exports it: {why}", raw)
        return
    if values["started_at"] is None:
        builder.moment(record.get("created_at") or record.get("timestamp"), locator)
    builder.conversation(locator, raw, **values)


def fingerprint(source: HelpdeskSource, settings: Settings) -> str:
    """Digest of the export."""
    return path_fingerprint(source, source.path)


def _zendesk(chat: dict[str, Any], settings: Settings) -> dict[str, Any]:
    visitor = chat.get("visitor") or {}
    custom = chat.get("custom") or {}
    turns = _in_order(_zendesk_turns(chat))
    return {
        "id": str(chat["id"]),
        "channel": "chat",
        "started_at": moment(chat.get("timestamp")),
        "customer": customer_hash(visitor.get("email") or visitor.get("id"), settings),
        "turns": turns,
        "outcome": chat.get("rating") or ("missed" if chat.get("missed") else None),
        "intent": _label(chat.get("tags")),
        "knowledge_url": custom.get("article_url") or None,
        "synthetic": bool(custom.get("synthetic")),
        "core_id": custom.get("core_id") or None,
        "names": _names([visitor.get("name"), *(chat.get("agent_names") or [])]),
        "attachments": tickets.listed(e.get("attachment") for e in chat.get("history") or [] if not e.get("private")),
    }


def _zendesk_turns(chat: dict[str, Any]) -> Iterator[Turn]:
    if chat.get("type") == "offline_msg" and chat.get("message"):
        yield turn("customer", unescape(chat["message"]), chat.get("timestamp"))
    for event in chat.get("history") or []:
        if event.get("type") not in ("chat.msg", "chat.message") or event.get("private"):
            continue
        if str(event.get("channel", "")).startswith(("whisper", "private", "agent")):
            continue
        role = _ZENDESK_ROLES.get(str(event.get("sender_type", "")).lower())
        if role == "agent" and str(event.get("name", "")).lower() in _BOT_NAMES:
            role = "bot"
        if role and str(event.get("msg") or "").strip():
            yield turn(role, unescape(str(event["msg"])), event.get("timestamp"))


def _intercom(conversation: dict[str, Any], settings: Settings) -> dict[str, Any]:
    opening = conversation.get("source") or {}
    parts = (conversation.get("conversation_parts") or {}).get("conversation_parts") or []
    if conversation["type"] != "conversation" or not isinstance(parts, list):
        raise ValueError("no conversation")
    first = {**opening, "created_at": conversation.get("created_at"), "part_type": "comment"}
    people = [p.get("author") or {} for p in [opening, *parts]]
    customer = next((a for a in people if a.get("type") in ("user", "lead", "contact")), {})
    custom = conversation.get("custom_attributes") or {}
    return {
        "id": str(conversation["id"]),
        "channel": "email" if opening.get("type") == "email" else "chat",
        "started_at": moment(conversation.get("created_at")),
        "customer": customer_hash(customer.get("email") or customer.get("id"), settings),
        "turns": _in_order(t for part in [first, *parts] for t in _intercom_turn(part)),
        "outcome": conversation.get("state"),
        "intent": _label([t.get("name") for t in (conversation.get("tags") or {}).get("tags") or []]),
        "knowledge_url": custom.get("article_url") or None,
        "synthetic": bool(custom.get("synthetic")),
        "core_id": custom.get("core_id") or None,
        "names": _names(a.get("name") for a in people),
        "attachments": tickets.listed(
            file for p in [opening, *parts] if p.get("part_type") != "note" for file in p.get("attachments") or []
        ),
    }


def _intercom_turn(part: dict[str, Any]) -> Iterator[Turn]:
    author = (part.get("author") or {}).get("type")
    role = {"user": "customer", "lead": "customer", "contact": "customer", "admin": "agent", "bot": "bot"}.get(
        str(author)
    )
    if role and part.get("part_type") in ("comment", "open", "assignment") and part.get("body"):
        text = _body(str(part["body"]))
        if text.strip():
            yield turn(role, text, part.get("created_at"))


def _chatwoot(conversation: dict[str, Any], settings: Settings) -> dict[str, Any]:
    messages = conversation["messages"]
    sender = (conversation.get("meta") or {}).get("sender") or {}
    people = [m.get("sender") or {} for m in messages]
    contact = next((p for p in people if p.get("type") == "contact"), sender)
    custom = conversation.get("custom_attributes") or {}
    channel = str((conversation.get("meta") or {}).get("channel") or "")
    return {
        "id": str(conversation["id"]),
        "channel": "email" if channel.endswith("Email") else "chat",
        "started_at": moment(conversation.get("created_at")),
        "customer": customer_hash(contact.get("email") or contact.get("id"), settings),
        "turns": _in_order(t for m in messages for t in _chatwoot_turn(m)),
        "outcome": conversation.get("status"),
        "intent": _label(conversation.get("labels")),
        "knowledge_url": custom.get("article_url") or None,
        "synthetic": bool(custom.get("synthetic")),
        "core_id": custom.get("core_id") or None,
        "names": _names([sender.get("name"), *(p.get("name") for p in people)]),
        "attachments": tickets.listed(
            file for m in messages if not m.get("private") for file in m.get("attachments") or []
        ),
    }


def _chatwoot_turn(message: dict[str, Any]) -> Iterator[Turn]:
    given = message.get("message_type")
    kind = _CHATWOOT_TYPES.get(given, given) if isinstance(given, int) else given
    if message.get("private") or kind == "activity" or not str(message.get("content") or "").strip():
        return
    bot = kind == "template" or str(message.get("sender_type") or "").lower() in ("agentbot", "agent_bot", "captain")
    role = "bot" if bot else "customer" if kind == "incoming" else "agent"
    text = str(message["content"])
    if message.get("content_type") == "incoming_email":
        text = _body(text)
    yield turn(role, unescape(text), message.get("created_at"))


def _in_order(turns: Any) -> tuple[Turn, ...]:
    """Oldest first; turns without a time stay where they were."""
    listed = list(turns)
    if all(t.at for t in listed):
        listed.sort(key=lambda t: t.at)
    return tuple(listed)


def _body(html: str) -> str:
    """Text of an HTML body; inside plain paragraphs every blank is kept."""
    if not _SIMPLE_HTML.sub("", html).count("<"):
        lines = re.sub(r"</p>\s*<p[^>]*>|<br\s*/?>", "\n", html, flags=re.I)
        return unescape(_SIMPLE_HTML.sub("", lines))
    return to_text(html)


def _label(tags: Any) -> str | None:
    """The intent among a conversation's tags, written `intent:name`."""
    for tag in tags or []:
        if str(tag).lower().startswith("intent:"):
            return str(tag)[7:].strip() or None
    return None


def _names(found: Any) -> tuple[str, ...]:
    return tuple(sorted({str(n).strip() for n in found if n and str(n).strip()}))
