"""Chance damage to good samples: bits flipped, pieces cut, doubled, put in. Only what must always hold is asked.

A text that still says "Where is parcel N?" may have lost its place in the form, so no number of rows is stated.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator

from broken import letters, tables
from broken.rows import BETWEEN, FROM, GOOD, SPOILS, Case, ask, jsonl, seeded, vendor

DESKS = ("intercom", "zendesk_chat", "chatwoot", "zendesk", "freshdesk")
PLAIN = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
PARTS = (b"--b1\n" + PLAIN + b"Where is parcel 1? Caf=C3=A9\n--b1\nContent-Type: text/html\n\n<p>Where is it?</p>\n"
         b"--b1\nContent-Disposition: attachment; filename*=utf-8''a.pdf\n\nAAAA\n--b1--\n")  # fmt: skip


def samples() -> Iterator[tuple[str, bytes]]:
    """A form, and a good file of it."""
    for form, (head, row, joint, tail) in BETWEEN.items():
        yield form, head + joint.join((FROM if form == "mbox" else b"") + row(n) for n in range(GOOD)) + tail
    yield "jsonl.gz", gzip.compress(b"\n".join(map(jsonl, range(GOOD))))
    yield "eml", letters.eml(1, more=b"Content-Type: multipart/mixed; boundary=b1\nReferences: <a@x>\n", body=PARTS)
    yield "msg", letters.msg(1)
    yield "xlsx", tables.xlsx(range(GOOD))
    yield "parquet", tables.parquet(row_group_size=2)
    answers = (b"  utter_%d:\n  - text: 'On day %d'\n" % (n, n) for n in range(GOOD))
    yield "domain.yml", b"version: '3.1'\nresponses:\n" + b"".join(answers)
    for form in DESKS:
        yield form, json.dumps({"conversations": [vendor(form, n) for n in range(GOOD)], "count": GOOD}).encode()
    said = (b'%d,customer,"%s\nPlease"\n%d,agent,"Soon, ""really"""\n' % (n, ask(n).encode(), n) for n in range(GOOD))
    yield "turns.csv", b"conversation_id,role,text\n" + b"".join(said)


def cases(times: int) -> Iterator[Case]:
    """So many damaged files of each form."""
    for form, data in samples():
        source = {"kind": "helpdesk", "format": form} if form in DESKS else {}
        suffix = "json" if form in DESKS else form
        for number in range(times):
            spoilt = mutated(data, seeded(f"chance {form} {number}"))
            make = lambda s=suffix, d=spoilt: {f"b.{s}": d}  # noqa: E731
            yield Case(f"{form}-chance-{number}", form, make, 0, told=False, source=source)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The data with one to five things done to it."""
    held = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        rng.choice(WAYS)(held, rng, rng.randrange(len(held) or 1))
    return bytes(held)


def _flip(held: bytearray, rng: random.Random, at: int) -> None:
    for _ in range(rng.choice([1, 3, 20]) if held else 0):
        held[rng.randrange(len(held))] ^= 1 << rng.randrange(8)


def _cut(held: bytearray, rng: random.Random, at: int) -> None:
    del held[at : at + rng.choice([1, 5, 50, 500, len(held)])]


def _double(held: bytearray, rng: random.Random, at: int) -> None:
    start = rng.randrange(len(held) or 1)
    held[at:at] = held[start : start + rng.choice([5, 50, 300])]


def _insert(held: bytearray, rng: random.Random, at: int) -> None:
    held[at:at] = rng.choice([rng.randbytes(rng.choice([1, 4, 40])), *SPOILS.values()])


def _overwrite(held: bytearray, rng: random.Random, at: int) -> None:
    held[at : at + 4] = rng.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\r\n\r\n"])


WAYS: tuple[Callable[[bytearray, random.Random, int], None], ...] = (_flip, _cut, _double, _insert, _overwrite)
