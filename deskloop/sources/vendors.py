"""How each help desk's API is walked: which pages, from which cursor, and what says that something was deleted.

A record has the shape of the vendor's own export: the ticket or conversation with its messages inside.
`known` holds the records taken before; one that did not change is not asked for in detail again.
Knows nothing about how records become conversations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from deskloop.origins import HelpdeskApiSource
from deskloop.sources.client import Client
from deskloop.sources.journal import Change, Page

Record = dict[str, Any]
Known = Mapping[str, Record]
Walk = Callable[[Client, HelpdeskApiSource, Known, Record | None], Iterator[Page]]

_CHAT_LAG = 310  # Zendesk Chat refuses a start that is less than five minutes ago
_FRESHDESK_PAGES = 300  # and Freshdesk a page beyond this one
_FRESHDESK_LIST = {
    "order_by": "updated_at", "order_type": "asc", "per_page": 100, "include": "requester,description",
}  # fmt: skip


def zendesk(client: Client, source: HelpdeskApiSource, known: Known, cursor: Record | None) -> Iterator[Page]:
    """Tickets by the cursor-based incremental export, comments by ticket; a deleted one has the status `deleted`."""
    ask: Record = {"cursor": cursor["after"]} if cursor else {"start_time": _epoch(source)}
    while True:
        data = client.get("api/v2/incremental/tickets/cursor.json", {**ask, "per_page": 100})
        after = data.get("after_cursor") or ask.get("cursor")
        yield Page(tuple(_ticket(client, ticket, known) for ticket in data["tickets"]), {"after": after})
        if data.get("end_of_stream", True) or not after:
            return
        ask = {"cursor": after}


def _ticket(client: Client, ticket: Record, known: Known) -> Change:
    key = str(ticket["id"])
    if ticket.get("status") == "deleted":
        return Change(key, None)
    if _same(known.get(key), ticket, "generated_timestamp"):
        return Change(key, known[key])
    comments: list[Record] = []
    users: dict[Any, Record] = {}
    ask: Record = {"page[size]": 100, "include": "users"}
    while True:
        data = client.found(f"api/v2/tickets/{key}/comments.json", ask)
        if data is None:
            return Change(key, None)
        comments += data["comments"]
        users |= {user["id"]: user for user in data.get("users") or []}
        if not (data.get("meta") or {}).get("has_more"):
            return Change(key, {**ticket, "comments": comments, "users": list(users.values())})
        ask = {**ask, "page[after]": data["meta"]["after_cursor"]}


def zendesk_chat(client: Client, source: HelpdeskApiSource, known: Known, cursor: Record | None) -> Iterator[Page]:
    """Chats by the incremental export, which orders them by their last change."""
    latest = int(time.time()) - _CHAT_LAG
    ask: Record = dict(cursor) if cursor else {"start_time": _epoch(source)}
    if ask["start_time"] > latest:
        ask = {"start_time": latest}
    while True:
        data = client.get("api/v2/chat/incremental/chats", {**ask, "fields": "chats(*)", "limit": 1000})
        chats = data["chats"]
        after = {"start_time": data.get("end_time") or ask["start_time"], "start_id": data.get("end_id") or ""}
        yield Page(tuple(Change(str(c["id"]), None if c.get("deleted") else c) for c in chats), after)
        if not chats or not data.get("next_page") or after == ask or after["start_time"] > latest:
            return
        ask = after


def intercom(client: Client, source: HelpdeskApiSource, known: Known, cursor: Record | None) -> Iterator[Page]:
    """Conversations by their last change, each one then in full. Deletions show in a list of all alone."""
    since = cursor["since"] if cursor else _epoch(source)
    after, newest = (cursor or {}).get("after"), (cursor or {}).get("newest", since)
    while True:
        data = client.post("conversations/search", _search(since, after))
        listed = data["conversations"]
        newest = max([newest, *(c["updated_at"] for c in listed)])
        after = ((data.get("pages") or {}).get("next") or {}).get("starting_after")
        # Only the last page may move `since`: the order of the pages before is the server's own affair.
        place = {"since": since, "after": after, "newest": newest} if after else {"since": newest}
        yield Page(tuple(_conversation(client, c, known) for c in listed), place)
        if not after:
            break
    if source.deletions:
        yield Page(_gone(known, _intercom_ids(client)), place)


def _search(since: int, after: str | None) -> Record:
    page = {"per_page": 100, **({"starting_after": after} if after else {})}
    changed = {"field": "updated_at", "operator": ">", "value": max(0, since - 1)}
    return {"query": {"operator": "AND", "value": [changed]}, "pagination": page,
            "sort": {"field": "updated_at", "order": "ascending"}}  # fmt: skip


def _conversation(client: Client, listed: Record, known: Known) -> Change:
    key = str(listed["id"])
    if _same(known.get(key), listed, "updated_at"):
        return Change(key, known[key])
    return Change(key, client.found(f"conversations/{key}"))


def _intercom_ids(client: Client) -> Iterator[str]:
    after: str | None = None
    while True:
        data = client.get("conversations", {"per_page": 150, **({"starting_after": after} if after else {})})
        yield from (str(c["id"]) for c in data["conversations"])
        after = ((data.get("pages") or {}).get("next") or {}).get("starting_after")
        if not after:
            return


def chatwoot(client: Client, source: HelpdeskApiSource, known: Known, cursor: Record | None) -> Iterator[Page]:
    """Conversations by page number, the latest activity first; to the last page if deletions are looked for."""
    root = f"api/v1/accounts/{source.account}/conversations"
    since = cursor["since"] if cursor else _epoch(source)
    newest, listed, number = since, set[str](), 1
    while True:
        ask = {"status": "all", "assignee_type": "all", "sort_by": "last_activity_at_desc", "page": number}
        found = client.get(root, ask)["data"]["payload"]
        listed |= {str(c["id"]) for c in found}
        changed = [c for c in found if _activity(c) >= since]
        newest = max([newest, *map(_activity, found)])
        yield Page(tuple(_messages(client, root, c, known) for c in changed), {"since": since})
        if not found or not (changed or source.deletions):
            break
        number += 1
    yield Page(_gone(known, listed) if source.deletions else (), {"since": newest})


def _activity(conversation: Record) -> int:
    return int(conversation.get("last_activity_at") or conversation.get("timestamp") or 0)


def _state(conversation: Record) -> list[Any]:
    return [conversation.get("status"), conversation.get("labels"), conversation.get("updated_at")]


def _messages(client: Client, root: str, conversation: Record, known: Known) -> Change:
    key = str(conversation["id"])
    before = known.get(key)
    if before and all(f(before) == f(conversation) for f in (_activity, _state)):
        return Change(key, before)
    messages: dict[int, Record] = {}
    ask: Record = {}
    while True:
        data = client.found(f"{root}/{key}/messages", ask)
        if data is None:
            return Change(key, None)
        found = {m["id"]: m for m in data["payload"] if m["id"] not in messages}
        if not found:
            return Change(key, {**conversation, "messages": [messages[i] for i in sorted(messages)]})
        messages |= found
        ask = {"before": min(messages)}


def freshdesk(client: Client, source: HelpdeskApiSource, known: Known, cursor: Record | None) -> Iterator[Page]:
    """Tickets by their last change, conversations by ticket; then those in the list of deleted ones."""
    began = cursor["since"] if cursor else _iso(_epoch(source))
    since = began
    ask: Record | None = _FRESHDESK_LIST
    path, number = "api/v2/tickets", 1
    while True:
        found, link = client.page(path, {**ask, "updated_since": since} if ask else None)
        since = max([since, *(t["updated_at"] for t in found)])
        yield Page(tuple(_fresh_ticket(client, t, known) for t in found), {"since": since})
        if not link:
            break
        path, ask, number = link, None, number + 1
        if number > _FRESHDESK_PAGES:
            path, number = "api/v2/tickets", 1
            ask = _FRESHDESK_LIST
    gone = _every(client, "api/v2/tickets", {"filter": "deleted", "updated_since": began, "per_page": 100})
    yield Page(tuple(Change(str(t["id"]), None) for t in gone if str(t["id"]) in known), {"since": since})


def _fresh_ticket(client: Client, ticket: Record, known: Known) -> Change:
    key = str(ticket["id"])
    if _same(known.get(key), ticket, "updated_at"):
        return Change(key, known[key])
    said = _every(client, f"api/v2/tickets/{key}/conversations", {"per_page": 100})
    return Change(key, {**ticket, "conversations": list(said)})


def _every(client: Client, path: str, ask: Record) -> Iterator[Record]:
    """All rows of a list whose pages are linked by header."""
    link: str | None = path
    params: Record | None = ask
    while link:
        rows, link = client.page(link, params)
        params = None
        yield from rows


def _same(before: Record | None, now: Record, field: str) -> bool:
    return before is not None and before.get(field) is not None and before.get(field) == now.get(field)


def _gone(known: Known, listed: Any) -> tuple[Change, ...]:
    there = set(listed)
    return tuple(Change(key, None) for key in known if key not in there)


def _epoch(source: HelpdeskApiSource) -> int:
    start = source.since
    return int(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp()) if start else 0


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


WALKS: dict[str, Walk] = {
    "zendesk": zendesk,
    "zendesk_chat": zendesk_chat,
    "intercom": intercom,
    "chatwoot": chatwoot,
    "freshdesk": freshdesk,
}
