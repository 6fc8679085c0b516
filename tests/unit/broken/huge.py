"""What grows and what is long: bombs, lines of 100 MB, deep nests, sizes that are not true."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Iterator

from broken.letters import beside, eml, msg
from broken.rows import BETWEEN, FROM, GOOD, Case, entry, jsonl
from broken.tables import xlsx

LONG = 100_000_000


def _bomb(form: str) -> dict[str, bytes]:
    """Good rows, and two gigabytes of one character that pack to two megabytes."""
    head, row, joint, _ = BETWEEN[form]
    good = head + joint.join((FROM if form == "mbox" else b"") + row(n) for n in range(GOOD)) + joint + b"\n"
    return {
        f"b.{form}.gz": gzip.compress(good) + gzip.compress((b"a" if form == "mbox" else b" ") * 50_000_000, 6) * 40
    }


def _long(form: str, at: int) -> dict[str, bytes]:
    """A line of 100 MB between the rows."""
    head, row, joint, tail = BETWEEN[form]
    line = {
        "json": b'{"id": "x", "text": "' + b"a" * LONG + b'"}',
        "md": b"a" * LONG,
        "mbox": FROM + b"a" * LONG + b"\n\n",
    }
    rows = [(FROM if form == "mbox" else b"") + row(n) for n in range(GOOD)]
    rows.insert(at, line.get(form, b"a" * LONG))
    return {f"b.{form}": head + joint.join(rows) + tail}


def _workbook(kind: str) -> dict[str, bytes]:
    """A workbook that says more of itself than it is, or unpacks to far more; beside one of two rows."""
    import zipfile

    book = io.BytesIO(xlsx(range(GOOD)))
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
    return {"a.xlsx": out.getvalue(), "b.xlsx": xlsx(range(10, 12))}


_LAUGHS = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "h">%s]>' % b"".join(
    b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in range(98, 106)
)


def _overlapping() -> dict[str, bytes]:
    """A .msg whose streams all are the same two megabytes."""
    data = bytearray(msg(3) + bytes(2_000_000))
    sector = struct.unpack_from("<I", data, 48)[0] * 512 + 512
    for at in range(1, 5):
        struct.pack_into("<IQ", data, sector + 128 * at + 116, 0, 2_000_000)
    return beside("3", bytes(data), "msg")


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
    yield Case("eml-long-line", "eml", lambda: beside("3", eml(3, more=letter, body=b"a" * LONG)), 2, 3, folder=True)
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
