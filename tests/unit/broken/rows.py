"""Good rows of each form, what spoils them, and the record of a case. All made from a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

GOOD = 6
DESK = "shop@x.example"
SPOILS = {
    "nul": b"\x00\x00\x00", "no-utf8": b"\xff\xfe\xfa", "brace": b"{", "deep-list": b"[" * 20_000,
    "deep-object": b'{"a":' * 20_000, "infinite": b'{"id": 1e999999}', "long-number": b"9" * 5_000,
    "lone-surrogate": b'{"text": "\\ud800"}', "raw-surrogate": b"\xed\xa0\x80", "twice": b'{"text": 5, "text": [1]}',
    "null": b"null", "word": b'"x"', "formula": b"=cmd|' /C calc'!A0", "path": b"../../etc/passwd",
    "sql": b"'; DROP TABLE conversations; --", "html": b"<div>" * 3_000, "mark": b"\xef\xbb\xbf",
    "returns": b"\r\r\n\r",
    "ragged": b",,,,,,,x", "quote": b'"never closed', "gzip": b"\x1f\x8b\x08", "half": b"\xc3", "latin": b"a\xa0b",
    "role": b'{"turns": [{"role": "king", "text": "x"}]}', "bracket": b"]", "key": b'{"\\ud800": 1}',
    "hyperlink": b'=HYPERLINK("http://x.example","click")', "fence": b"```",
    "tab": b"\t&a *a !!python/object:os.system x",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Content by file name (one file, or a folder of several), and what must be left of its good rows."""

    name: str
    form: str
    make: Callable[[], dict[str, bytes]]
    least: int
    whole: int = GOOD
    told: bool = True  # whether what is missing must stand among the refusals
    source: dict[str, object] = field(default_factory=dict)
    folder: bool = False


def seeded(name: str) -> random.Random:
    return random.Random(f"deskloop {name}")


def ask(n: int) -> str:
    return f"Where is parcel {n}?"


def jsonl(n: int) -> bytes:
    return json.dumps({"id": f"c{n}", "text": ask(n), "reply": "Soon"}).encode()


def csv(n: int) -> bytes:
    return f"{n},{ask(n)},Soon".encode()


def mail(n: int) -> bytes:
    return (f"From: anna{n}@example.com\nTo: {DESK}\nMessage-ID: <{n}@x>\nSubject: parcel\n\n{ask(n)}\n\n").encode()


def entry(n: int) -> bytes:
    return f"- question: '{ask(n)}'\n  answer: It comes on day {n}.".encode()


def nlu(n: int) -> bytes:
    return f"- intent: track{n}\n  examples: |\n    - {ask(n)}".encode()


def heading(n: int) -> bytes:
    return f"# {ask(n)}\nIt comes on day {n}.\n".encode()


def vendor(form: str, n: int) -> dict[str, object]:
    said, at = ask(n), "2025-05-01T09:00:00Z"
    if form == "intercom":
        opening = {"type": "conversation", "author": {"type": "user", "id": n}, "body": f"<p>{said}</p>"}
        return {"type": "conversation", "id": n, "created_at": 1, "source": opening,
                "conversation_parts": {"conversation_parts": []}}  # fmt: skip
    if form == "zendesk_chat":
        history = [{"type": "chat.msg", "sender_type": "Visitor", "msg": said, "timestamp": at}]
        return {"id": n, "type": "chat", "timestamp": at, "visitor": {"id": n}, "history": history}
    if form == "chatwoot":
        messages = [{"id": 1, "message_type": 0, "content": said, "created_at": 1}]
        return {"id": n, "meta": {}, "messages": messages}
    if form == "zendesk":
        return {"id": n, "requester_id": n, "created_at": at, "comments": [{"author_id": n, "body": said}]}
    return {"id": n, "requester_id": n, "status": 2, "created_at": at, "description_text": said, "conversations": []}


BETWEEN = {
    "jsonl": (b"", jsonl, b"\n", b""),
    "json": (b"[", jsonl, b",", b"]"),
    "csv": (b"id,text,reply\n", csv, b"\n", b"\n"),
    "tsv": (b"id\ttext\treply\n", lambda n: csv(n).replace(b",", b"\t"), b"\n", b"\n"),
    "mbox": (b"", mail, b"", b""),
    "md": (b"", heading, b"\n", b""),
    "yaml": (b"", entry, b"\n", b""),
    "nlu.yml": (b"version: '3.1'\nnlu:\n", nlu, b"\n", b""),
}
FROM = b"From a@b.example Mon Jun  2 10:00:00 2025\n"
