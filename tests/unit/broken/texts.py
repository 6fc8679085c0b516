"""Damage in forms that are text: between rows, inside one, in the packing, in the encoding."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

from broken.rows import BETWEEN, FROM, GOOD, SPOILS, Case, seeded


def _between(form: str, kind: str) -> dict[str, bytes]:
    head, row, joint, tail = BETWEEN[form]
    rows = [row(n) for n in range(GOOD)]
    spoil = SPOILS[kind]
    if form == "yaml":
        spoil = b"- " + spoil
    if form == "nlu.yml":
        spoil = b"- intent: " + spoil
    if form == "mbox":
        rows, spoil = [FROM + r for r in rows], FROM + spoil + b"\n\n" + spoil + b"\n\n"
    if form == "tsv":
        spoil = spoil.replace(b",", b"\t")
    rows.insert(seeded(f"{form} {kind}").randrange(1, GOOD), spoil)
    return {f"broken.{form}": head + joint.join(rows) + tail}


def _inside(form: str, kind: str) -> dict[str, bytes]:
    head, row, joint, tail = BETWEEN[form]
    rows = [row(n) for n in range(GOOD)]
    at = seeded(f"in {form} {kind}").randrange(1, GOOD)
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


def _many(form: str) -> bytes:
    head, row, joint, tail = BETWEEN[form]
    noise = seeded(form)

    def one(n: int) -> bytes:
        return row(n).replace(b"Soon", noise.randbytes(20).hex().encode())

    return head + joint.join((FROM if form == "mbox" else b"") + one(n) for n in range(200)) + tail


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
    at = seeded(f"flip {form} {number}").randrange(len(packed) // 2, len(packed))
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
