"""Damaged mail: hostile headers, parts and HTML, mbox files without their marks, Outlook containers."""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Iterator
from pathlib import Path

from broken.rows import DESK, FROM, GOOD, SPOILS, Case, ask, mail, seeded

_spec = importlib.util.spec_from_file_location("outlook_file", Path(__file__).parents[1] / "outlook_file.py")
outlook_file = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(outlook_file)


def eml(number: int, subject: bytes = b"parcel", more: bytes = b"", body: bytes = b"") -> bytes:
    return (b"From: a%d@b.example\nTo: %s\nMessage-ID: <m%d@x>\n" % (number, DESK.encode(), number)
            + b"Subject: " + subject + b"\n" + more + b"\n" + (body or ask(number).encode()) + b"\n")  # fmt: skip


def beside(name: str, data: bytes, form: str = "eml") -> dict[str, bytes]:
    whole = {f"{n}.{form}": eml(n) if form == "eml" else msg(n) for n in (1, 2)}
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
        data = eml(3, subject=spoil[:900])
        yield Case(f"eml-{kind}-subject", "eml", lambda d=data: beside("3", d), 3, 3, folder=True)
    for kind, spoil in SPOILS.items():
        data = eml(3, more=_parts(ask(3).encode() + b"\n--b\n" + spoil + b"\n"))
        yield Case(f"eml-{kind}-part", "eml", lambda d=data: beside("3", d), 3, 3, folder=True)
    for kind, bomb in HTML.items():
        body = b"<p>Where is parcel 3?</p>" + bomb
        data = eml(3, more=b"Content-Type: text/html\n", body=body)
        yield Case(f"eml-html-{kind}", "eml", lambda d=data: beside("3", d), 3, 3, folder=True)
    for kind, head in HEADERS.items():
        left = 2 if kind in LOST else 3
        yield Case(f"eml-header-{kind}", "eml", lambda h=head: beside("3", eml(3, more=h)), left, 3, folder=True)
    nests = {
        "nested": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3_000)),
        "forwarded": b"Content-Type: message/rfc822\n\n" * 3_000,
        "many": _parts(b"x\n--b\n\n", 100_000),
    }
    for kind, head in nests.items():
        yield Case(f"eml-parts-{kind}", "eml", lambda h=head: beside("3", eml(3, more=h)), 2, 3, folder=True)
    letters = [mail(n) for n in range(GOOD)]
    boxes = {
        "first-from-lost": (b"".join([letters[0], *(FROM + m for m in letters[1:])]), GOOD, GOOD),
        "no-from": (letters[0], 1, 1),
        "from-in-text": (b"".join(FROM + m + b"From now on I wait at 10.\n\n" for m in letters), GOOD, GOOD),
        "bytes-before": (b"\x00\x01\xff junk\n" + b"".join(FROM + m for m in letters), GOOD, GOOD),
        "mark": (b"\xef\xbb\xbf" + b"".join(FROM + m for m in letters), GOOD, GOOD),
        "returns": (b"".join(FROM + m for m in letters).replace(b"\n", b"\r\n"), GOOD, GOOD),
        "cut": (b"".join(FROM + m for m in letters)[:-90], GOOD - 1, GOOD - 1),
        "no-sender": (
            b"".join(FROM + m.replace(b"From: ", b"Form: ", n == 2) for n, m in enumerate(letters)),
            5,
            GOOD,
        ),
    }
    for kind, (data, least, whole) in boxes.items():
        yield Case(f"mbox-{kind}", "mbox", lambda d=data: {"b.mbox": d}, least, whole)


def msg(n: int) -> bytes:
    headers = f"From: a{n}@b.example\r\nTo: {DESK}\r\nMessage-ID: <m{n}@x>\r\n\r\n"
    return outlook_file.outlook({0x001A: "IPM.Note", 0x0037: "parcel", 0x1000: ask(n), 0x007D: headers})


def _spoilt_msg(number: int) -> bytes:
    """A real .msg with one thing wrong in its container: cut, bits, a chain or a tree that leads to itself, sizes."""
    data, rng = bytearray(msg(3)), seeded(f"msg {number}")
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
        yield Case(f"msg-{number}", "msg", lambda d=data: beside("3", d, "msg"), 2, 3, folder=True)
