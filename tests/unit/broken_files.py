"""Broken files of every form, made from a seed. Each states how many of its good rows must still be accepted.

A good row says "Where is parcel N?". `least` counts those; where it is below `whole`, the damage is in a row itself
or in what the form cannot do without (the index at the end of a workbook), and must be told.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_spec = importlib.util.spec_from_file_location("outlook_file", Path(__file__).with_name("outlook_file.py"))
outlook_file = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(outlook_file)

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


def _rng(name: str) -> random.Random:
    return random.Random(f"deskloop {name}")


def ask(n: int) -> str:
    return f"Where is parcel {n}?"


# rows of each form ---------------------------------------------------------------------------------


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


def _vendor(form: str, n: int) -> dict[str, object]:
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


# damage between the rows, and inside one -----------------------------------------------------------

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
_FROM = b"From a@b.example Mon Jun  2 10:00:00 2025\n"


def _between(form: str, kind: str) -> dict[str, bytes]:
    head, row, joint, tail = BETWEEN[form]
    rows = [row(n) for n in range(GOOD)]
    spoil = SPOILS[kind]
    if form == "yaml":
        spoil = b"- " + spoil
    if form == "nlu.yml":
        spoil = b"- intent: " + spoil
    if form == "mbox":
        rows, spoil = [_FROM + r for r in rows], _FROM + spoil + b"\n\n" + spoil + b"\n\n"
    if form == "tsv":
        spoil = spoil.replace(b",", b"\t")
    rows.insert(_rng(f"{form} {kind}").randrange(1, GOOD), spoil)
    return {f"broken.{form}": head + joint.join(rows) + tail}


def _inside(form: str, kind: str) -> dict[str, bytes]:
    head, row, joint, tail = BETWEEN[form]
    rows = [row(n) for n in range(GOOD)]
    at = _rng(f"in {form} {kind}").randrange(1, GOOD)
    rows[at] = rows[at].replace(b"Where is", SPOILS[kind])
    return {f"broken.{form}": head + joint.join(rows) + tail}


def between() -> Iterator[Case]:
    for form in BETWEEN:
        for kind in SPOILS:
            # an item that YAML itself takes for the rest of the one before is one loss
            yield Case(f"{form}-{kind}-between", form, lambda f=form, k=kind: _between(f, k), GOOD)
    for form in ("jsonl", "json", "csv"):
        for kind in SPOILS:
            yield Case(f"{form}-{kind}-inside", form, lambda f=form, k=kind: _inside(f, k), GOOD - 1, GOOD - 1)


# packed files --------------------------------------------------------------------------------------


def _many(form: str) -> bytes:
    head, row, joint, tail = BETWEEN[form]
    noise = _rng(form)

    def one(n: int) -> bytes:
        return row(n).replace(b"Soon", noise.randbytes(20).hex().encode())

    return head + joint.join((_FROM if form == "mbox" else b"") + one(n) for n in range(200)) + tail


def _packed(form: str, cut: float) -> tuple[bytes, int]:
    """A packed file cut at this share, and how many rows stand whole before the cut: zlib's own count."""
    packed = gzip.compress(_many(form))
    packed = packed[: int(len(packed) * cut)]
    left = zlib.decompressobj(31).decompress(packed)
    ends = {"json": b'"}', "jsonl": b"\n", "csv": b"\n", "mbox": b"?\n\n", "md": b"\n\n"}[form]
    return packed, max(0, left.count(ends) - (form in ("csv", "md", "mbox")))


def _flipped(form: str, number: int) -> tuple[bytes, int]:
    """A packed file with a flipped bit, and how many rows stand whole in the half before it."""
    packed = bytearray(gzip.compress(_many(form)))
    at = _rng(f"flip {form} {number}").randrange(len(packed) // 2, len(packed))
    least = _packed(form, 0.45)[1]
    packed[at] ^= 1 << number % 8
    return bytes(packed), least


def packed() -> Iterator[Case]:
    for form in ("jsonl", "json", "csv", "mbox", "md"):
        for cut in (0.15, 0.4, 0.7, 0.97):
            data, least = _packed(form, cut)
            yield Case(f"{form}.gz-cut-{cut}", form, lambda f=form, d=data: {f"b.{f}.gz": d}, least, 200)
        for number in range(4):
            data, least = _flipped(form, number)
            yield Case(f"{form}.gz-flip-{number}", form, lambda f=form, d=data: {f"b.{f}.gz": d}, least, 200)
        tail = gzip.compress(_many(form)) + b"\x00" * 64 + b"no gzip"
        yield Case(f"{form}.gz-tail", form, lambda f=form, d=tail: {f"b.{f}.gz": d}, 199, 200)


# encodings -----------------------------------------------------------------------------------------


def encodings() -> Iterator[Case]:
    for form in ("jsonl", "json", "csv", "tsv", "yaml", "md"):
        head, row, joint, tail = BETWEEN[form]
        text = (
            head + joint.join(row(n).replace(b"parcel", "café parcel".encode()) for n in range(GOOD)) + tail
        ).decode()
        text = text.replace("café parcel", "parcel").replace("comes", "cômes").replace("Soon", "Demnächst")
        names = ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252", "utf-32"]
        for name in names[:2] + names[3:5] if form in ("yaml", "md") else names:
            data = text.encode(name)
            yield Case(f"{form}-as-{name}", form, lambda f=form, d=data: {f"b.{f}": d}, GOOD)
        lines = text.encode().replace("ä".encode(), b"\xe4", 1)
        yield Case(f"{form}-mixed", form, lambda f=form, d=lines: {f"b.{f}": d}, GOOD)
        yield Case(f"{form}-nuls", form, lambda f=form, d=text: {f"b.{f}": b"\0" * 3 + d.encode() + b"\0" * 99}, GOOD)


# mail ----------------------------------------------------------------------------------------------


def _eml(number: int, subject: bytes = b"parcel", more: bytes = b"", body: bytes = b"") -> bytes:
    return (b"From: a%d@b.example\nTo: %s\nMessage-ID: <m%d@x>\n" % (number, DESK.encode(), number)
            + b"Subject: " + subject + b"\n" + more + b"\n" + (body or ask(number).encode()) + b"\n")  # fmt: skip


def _folder(name: str, data: bytes, form: str = "eml") -> dict[str, bytes]:
    whole = {f"{n}.{form}": _eml(n) if form == "eml" else _msg(n) for n in (1, 2)}
    return {**whole, f"{name}.{form}": data}


def _parts(body: bytes, times: int = 1) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: text/plain\n\n" + body * times


HTML = {
    "divs": b"<div>" * 100_000, "tables": b"<table><tr><td>" * 40_000, "quotes": b"<blockquote>" * 50_000,
    "attributes": b"<a " + b"x=1 " * 200_000 + b">", "comments": b"<!--" * 100_000 + b"-->", "signs": b"<" * 500_000,
    "entities": b"&#" * 300_000, "styles": b"<b><i><u><p>" * 30_000, "script": b"<script>" + b"<" * 300_000,
}  # fmt: skip
HEADERS = {
    "ten-thousand": b"".join(b"X-%d: y\n" % n for n in range(10_000)), "comments": b"Cc: " + b"(" * 50_000 + b"\n",
    "groups": b"Cc: " + b"a:" * 50_000 + b"\n", "words": b"References: " + b"=?utf-8?q?a?= " * 30_000 + b"\n",
    "parameters": b'Content-Type: text/plain; a="' + b'\\"' * 100_000 + b";" * 100_000 + b"\n",
    "charset": b"Content-Type: text/plain; charset=klingon\n", "date": b"Date: Mon, 99 Foo 99999 99:99:99\n",
    "folded": b"X: y\n" + b" z\n" * 100_000, "base64": b"Content-Transfer-Encoding: quoted-printable\n",
}  # fmt: skip
LOST = {"comments", "groups"}  # an address line that no parser takes costs its message


def mails() -> Iterator[Case]:
    for kind, spoil in SPOILS.items():
        data = _eml(3, subject=spoil[:900])
        yield Case(f"eml-{kind}-subject", "eml", lambda d=data: _folder("3", d), 3, 3, folder=True)
    for kind, spoil in SPOILS.items():
        data = _eml(3, more=_parts(ask(3).encode() + b"\n--b\n" + spoil + b"\n"))
        yield Case(f"eml-{kind}-part", "eml", lambda d=data: _folder("3", d), 3, 3, folder=True)
    for kind, bomb in HTML.items():
        body = b"<p>Where is parcel 3?</p>" + bomb
        data = _eml(3, more=b"Content-Type: text/html\n", body=body)
        yield Case(f"eml-html-{kind}", "eml", lambda d=data: _folder("3", d), 3, 3, folder=True)
    for kind, head in HEADERS.items():
        left = 2 if kind in LOST else 3
        yield Case(f"eml-header-{kind}", "eml", lambda h=head: _folder("3", _eml(3, more=h)), left, 3, folder=True)
    nests = {
        "nested": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3_000)),
        "forwarded": b"Content-Type: message/rfc822\n\n" * 3_000,
        "many": _parts(b"x\n--b\n\n", 100_000),
    }
    for kind, head in nests.items():
        yield Case(f"eml-parts-{kind}", "eml", lambda h=head: _folder("3", _eml(3, more=h)), 2, 3, folder=True)
    letters = [mail(n) for n in range(GOOD)]
    boxes = {
        "first-from-lost": (b"".join([letters[0], *(_FROM + m for m in letters[1:])]), GOOD, GOOD),
        "no-from": (letters[0], 1, 1),
        "from-in-text": (b"".join(_FROM + m + b"From now on I wait at 10.\n\n" for m in letters), GOOD, GOOD),
        "bytes-before": (b"\x00\x01\xff junk\n" + b"".join(_FROM + m for m in letters), GOOD, GOOD),
        "mark": (b"\xef\xbb\xbf" + b"".join(_FROM + m for m in letters), GOOD, GOOD),
        "returns": (b"".join(_FROM + m for m in letters).replace(b"\n", b"\r\n"), GOOD, GOOD),
        "cut": (b"".join(_FROM + m for m in letters)[:-90], GOOD - 1, GOOD - 1),
        "no-sender": (
            b"".join(_FROM + m.replace(b"From: ", b"Form: ", n == 2) for n, m in enumerate(letters)),
            5,
            GOOD,
        ),
    }
    for kind, (data, least, whole) in boxes.items():
        yield Case(f"mbox-{kind}", "mbox", lambda d=data: {"b.mbox": d}, least, whole)


def _msg(n: int) -> bytes:
    headers = f"From: a{n}@b.example\r\nTo: {DESK}\r\nMessage-ID: <m{n}@x>\r\n\r\n"
    return outlook_file.outlook({0x001A: "IPM.Note", 0x0037: "parcel", 0x1000: ask(n), 0x007D: headers})


def _spoilt_msg(number: int) -> bytes:
    """A real .msg with one thing wrong in its container: cut, bits, a chain or a tree that leads to itself, sizes."""
    data, rng = bytearray(_msg(3)), _rng(f"msg {number}")
    sector = struct.unpack_from("<I", data, 48)[0] * 512 + 512  # of the directory
    kind = number % 6
    if kind == 0:
        return bytes(data[: rng.randrange(8, len(data))])
    if kind == 1:
        for _ in range(20):
            data[rng.randrange(8, len(data))] ^= 1 << rng.randrange(8)
    if kind == 2:  # each sector is followed by itself
        for at in range(120):
            struct.pack_into("<I", data, 512 + 4 * at, at if number % 12 < 6 else 1)
    if kind == 3:  # children and neighbours that lead in a circle
        for at in range(4):
            struct.pack_into("<III", data, sector + 128 * at + 68, at, rng.randrange(5), rng.randrange(5))
    if kind == 4:
        struct.pack_into("<Q", data, sector + 128 * rng.randrange(1, 5) + 120, 1 << rng.randrange(20, 62))
    if kind == 5:
        struct.pack_into("<HHI", data, 30, rng.randrange(20), rng.randrange(20), rng.randrange(1 << 31))
    return bytes(data)


def outlook() -> Iterator[Case]:
    for number in range(30):
        data = _spoilt_msg(number)
        yield Case(f"msg-{number}", "msg", lambda d=data: _folder("3", d, "msg"), 2, 3, folder=True)


# tables with an index ------------------------------------------------------------------------------


def _frame(numbers: range) -> object:
    import pandas as pd

    return pd.DataFrame({"id": [f"c{n}" for n in numbers], "text": [ask(n) for n in numbers]})


def _parquet(**how: object) -> bytes:
    out = io.BytesIO()
    _frame(range(GOOD)).to_parquet(out, **how)
    return out.getvalue()


def _xlsx(numbers: range) -> bytes:
    out = io.BytesIO()
    _frame(numbers).to_excel(out, index=False)
    return out.getvalue()


def _group(number: int) -> dict[str, bytes]:
    """Noise in the rows of the first of three row groups; the others hold four good rows."""
    import pyarrow.parquet as parquet

    data = bytearray(_parquet(row_group_size=2, compression="snappy"))
    group = parquet.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(0)
    end = group.dictionary_page_offset or group.data_page_offset
    rng = _rng(f"parquet {number}")
    for _ in range(rng.randrange(4, 30)):
        data[rng.randrange(4, end)] = rng.randrange(256)
    return {"b.parquet": bytes(data)}


def _beside(form: str, number: int) -> dict[str, bytes]:
    """A broken file in a folder with a whole one of two rows."""
    whole = _xlsx(range(10, 12)) if form == "xlsx" else jsonl(10) + b"\n" + jsonl(11)
    data, rng = bytearray(_xlsx(range(GOOD)) if form == "xlsx" else _parquet()), _rng(f"{form} {number}")
    if number % 2:
        data = data[: rng.randrange(len(data))]
    else:
        for _ in range(30):
            data[rng.randrange(len(data))] = rng.randrange(256)
    return {f"a.{form}": bytes(data), "b.xlsx" if form == "xlsx" else "b.jsonl": whole}


def tables() -> Iterator[Case]:
    for number in range(12):
        yield Case(f"parquet-group-{number}", "parquet", lambda n=number: _group(n), 4, told=False)
    for form in ("xlsx", "parquet"):
        for number in range(12):
            yield Case(
                f"{form}-{number}", form, lambda f=form, n=number: _beside(f, n), 2, 8, told=False, folder=True
            )


# help desks ----------------------------------------------------------------------------------------


WRONG = [
    ("id", None), ("created_at", [[]]), ("id", {"$ne": 1}), ("tags", 5), ("visitor", "x"), ("meta", [1]),
    ("history", {"a": 1}), ("source", 7), ("messages", "x"), ("comments", [None]), ("requester_id", [1]),
]  # fmt: skip


def _exchange(form: str, key: str, value: object) -> dict[str, bytes]:
    rows = [_vendor(form, n) for n in range(GOOD)]
    rows[2] = {**rows[2], key: value}
    return {"b.json": json.dumps({"conversations": rows, "count": GOOD}).encode()}


def _export(form: str, kind: str) -> dict[str, bytes]:
    rows = [json.dumps(_vendor(form, n)).encode() for n in range(GOOD)]
    rows.insert(3, SPOILS[kind])
    return {"b.json": b'{"count": 6, "conversations": [' + b",".join(rows) + b"]}"}


def desks() -> Iterator[Case]:
    for form in ("intercom", "zendesk_chat", "chatwoot", "zendesk", "freshdesk"):
        how = {"kind": "helpdesk", "format": form}
        for number, (key, value) in enumerate(WRONG):
            make = lambda f=form, k=key, v=value: _exchange(f, k, v)  # noqa: E731
            yield Case(f"{form}-{number}-{key}", form, make, GOOD - 1, GOOD - 1, source=how)
        for kind in ("nul", "deep-list", "quote", "bracket", "brace", "no-utf8", "sql", "role"):
            make = lambda f=form, k=kind: _export(f, k)  # noqa: E731
            yield Case(f"{form}-{kind}", form, make, GOOD, source=how)


# what grows, and what is long ----------------------------------------------------------------------

LONG = 100_000_000


def _bomb(form: str) -> dict[str, bytes]:
    """Good rows, and two gigabytes of one character that pack to two megabytes."""
    head, row, joint, _ = BETWEEN[form]
    good = head + joint.join((_FROM if form == "mbox" else b"") + row(n) for n in range(GOOD)) + joint + b"\n"
    return {
        f"b.{form}.gz": gzip.compress(good) + gzip.compress((b"a" if form == "mbox" else b" ") * 50_000_000, 6) * 40
    }


def _long(form: str, at: int) -> dict[str, bytes]:
    """A line of 100 MB between the rows."""
    head, row, joint, tail = BETWEEN[form]
    line = {
        "json": b'{"id": "x", "text": "' + b"a" * LONG + b'"}',
        "md": b"a" * LONG,
        "mbox": _FROM + b"a" * LONG + b"\n\n",
    }
    rows = [(_FROM if form == "mbox" else b"") + row(n) for n in range(GOOD)]
    rows.insert(at, line.get(form, b"a" * LONG))
    return {f"b.{form}": head + joint.join(rows) + tail}


def _workbook(kind: str) -> dict[str, bytes]:
    """A workbook that says more of itself than it is, or unpacks to far more; beside one of two rows."""
    import zipfile

    book = io.BytesIO(_xlsx(range(GOOD)))
    out = io.BytesIO()
    cells = {
        "wide": b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>',
        "far": b'<row r="%d000000"><c r="A%d"><v>1</v></c></row>',
        "many": b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>' + b"a" * 3_000 + b"</t></is></c></row>",
    }  # fmt: skip
    count = {"wide": 30_000, "far": 5_000, "many": 10_000}.get(kind, 0)
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename == "xl/worksheets/sheet1.xml" and count:
                more = b"".join(cells[kind] % (n, n) for n in range(8, count))
                data = data.replace(b"</sheetData>", more + b"</sheetData>")
            if part.filename == "xl/worksheets/sheet1.xml" and kind == "laughs":
                data = _LAUGHS + data.split(b"?>", 1)[-1].replace(b"</sheetData>", b"&i;</sheetData>")
            new.writestr(part.filename, data)
        if kind == "words":
            new.writestr("xl/sharedStrings.xml", b"<sst>" + b"<si><t>x</t></si>" * 3_000_000 + b"</sst>")
    return {"a.xlsx": out.getvalue(), "b.xlsx": _xlsx(range(10, 12))}


_LAUGHS = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "h">%s]>' % b"".join(
    b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in range(98, 106)
)


def _overlapping() -> dict[str, bytes]:
    """A .msg whose streams all are the same two megabytes."""
    data = bytearray(_msg(3) + bytes(2_000_000))
    sector = struct.unpack_from("<I", data, 48)[0] * 512 + 512
    for at in range(1, 5):
        struct.pack_into("<IQ", data, sector + 128 * at + 116, 0, 2_000_000)
    return _folder("3", bytes(data), "msg")


def heavy() -> Iterator[Case]:
    """Cases of many megabytes, packed or not."""
    for form in ("jsonl", "json", "csv", "tsv", "md", "mbox"):
        left = {"md": GOOD - 1, "mbox": GOOD - 1}.get(form, GOOD)  # the blanks may belong to the last one's text
        yield Case(f"{form}.gz-bomb", form, lambda f=form: _bomb(f), left)
    for form in ("jsonl", "json", "csv", "tsv", "mbox"):
        yield Case(f"{form}-long-line", form, lambda f=form: _long(f, 3), GOOD)
    yield Case("md-long-line", "md", lambda: _long("md", GOOD), GOOD - 1)
    yield Case("yaml-long-line", "yaml", lambda: _long("yaml", GOOD), GOOD - 1)
    letter = b"Content-Type: text/plain\n"
    yield Case(
        "eml-long-line", "eml", lambda: _folder("3", _eml(3, more=letter, body=b"a" * LONG)), 2, 3, folder=True
    )
    deep = {
        "list": b"[" * 20_000_000, "object": b'{"a":' * 1_500_000, "mixed": b'[{"a":' * 1_500_000,
        "known": b'{"id":' * 1_500_000, "closed": b"[" * 9_000_000 + b"]" * 9_000_000,
    }  # fmt: skip
    for kind, data in deep.items():
        rows = [jsonl(n) for n in range(GOOD)]
        for form, joint, ends in (("jsonl", b"\n", (b"", b"")), ("json", b",", (b"[", b"]"))):
            whole = ends[0] + joint.join([*rows[:3], data, *rows[3:]]) + ends[1]
            yield Case(f"{form}-deep-{kind}", form, lambda f=form, w=whole: {f"b.{f}": w}, GOOD)
    for kind in ("wide", "far", "many", "words", "laughs"):
        least = 2 if kind in ("many", "words", "laughs") else GOOD + 2
        yield Case(f"xlsx-{kind}", "xlsx", lambda k=kind: _workbook(k), least, GOOD + 2, folder=True)
    yield Case("msg-overlapping", "msg", _overlapping, 2, 3, folder=True)
    for nest in (b"- ", b"[", b"{a: ", b"? "):
        data = b"\n".join([*(entry(n) for n in range(GOOD)), b"- " + nest * 300_000, b""])
        yield Case(f"yaml-deep-{nest.decode().strip()}", "yaml", lambda d=data: {"b.yaml": d}, GOOD)


def light() -> list[Case]:
    """All cases that are small files."""
    return [*between(), *packed(), *encodings(), *mails(), *outlook(), *tables(), *desks()]
