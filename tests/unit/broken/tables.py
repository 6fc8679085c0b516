"""Damaged workbooks, Parquet files and help-desk exports."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

from broken.rows import GOOD, SPOILS, Case, ask, jsonl, seeded, vendor


def _frame(numbers: range) -> object:
    import pandas as pd

    return pd.DataFrame({"id": [f"c{n}" for n in numbers], "text": [ask(n) for n in numbers]})


def parquet(**how: object) -> bytes:
    out = io.BytesIO()
    _frame(range(GOOD)).to_parquet(out, **how)
    return out.getvalue()


def xlsx(numbers: range) -> bytes:
    out = io.BytesIO()
    _frame(numbers).to_excel(out, index=False)
    return out.getvalue()


def _group(number: int) -> dict[str, bytes]:
    """Noise in the rows of the first of three row groups; the others hold four good rows."""
    import pyarrow.parquet as stored

    data = bytearray(parquet(row_group_size=2, compression="snappy"))
    group = stored.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(0)
    end = group.dictionary_page_offset or group.data_page_offset
    rng = seeded(f"parquet {number}")
    for _ in range(rng.randrange(4, 30)):
        data[rng.randrange(4, end)] = rng.randrange(256)
    return {"b.parquet": bytes(data)}


def _damaged(form: str, number: int) -> dict[str, bytes]:
    """A broken file in a folder with a whole one of two rows."""
    whole = xlsx(range(10, 12)) if form == "xlsx" else jsonl(10) + b"\n" + jsonl(11)
    data, rng = bytearray(xlsx(range(GOOD)) if form == "xlsx" else parquet()), seeded(f"{form} {number}")
    if number % 2:
        data = data[: rng.randrange(len(data))]
    else:
        for _ in range(30):
            data[rng.randrange(len(data))] = rng.randrange(256)
    return {f"a.{form}": bytes(data), "b.xlsx" if form == "xlsx" else "b.jsonl": whole}


def _in_part(name: str, share: float) -> dict[str, bytes]:
    """A workbook of 300 rows with a hundred bytes of noise in one of its parts, this far into it."""
    data = bytearray(xlsx(range(300)))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as packed:
        part = packed.getinfo(name)
    at = part.header_offset + 30 + len(name) + int(part.compress_size * share)
    data[at : at + 100] = seeded(name).randbytes(min(100, part.compress_size - int(part.compress_size * share)))
    return {"b.xlsx": bytes(data)}


def tables() -> Iterator[Case]:
    for name in ("xl/theme/theme1.xml", "xl/styles.xml", "docProps/core.xml", "docProps/app.xml"):
        yield Case(f"xlsx-in-{name}", "xlsx", lambda n=name: _in_part(n, 0.3), 300, 300)
    for share, least in ((0.5, 100), (0.9, 230)):
        make = lambda s=share: _in_part("xl/worksheets/sheet1.xml", s)  # noqa: E731
        yield Case(f"xlsx-in-sheet-{share}", "xlsx", make, least, 300)
    for number in range(12):
        yield Case(f"parquet-group-{number}", "parquet", lambda n=number: _group(n), 4, told=False)
    for form in ("xlsx", "parquet"):
        for number in range(12):
            yield Case(
                f"{form}-{number}", form, lambda f=form, n=number: _damaged(f, n), 2, 8, told=False, folder=True
            )


WRONG = [
    ("id", None), ("created_at", [[]]), ("id", {"$ne": 1}), ("tags", 5), ("visitor", "x"), ("meta", [1]),
    ("history", {"a": 1}), ("source", 7), ("messages", "x"), ("comments", [None]), ("requester_id", [1]),
]  # fmt: skip


def _exchange(form: str, key: str, value: object) -> dict[str, bytes]:
    rows = [vendor(form, n) for n in range(GOOD)]
    rows[2] = {**rows[2], key: value}
    return {"b.json": json.dumps({"conversations": rows, "count": GOOD}).encode()}


def _export(form: str, kind: str) -> dict[str, bytes]:
    rows = [json.dumps(vendor(form, n)).encode() for n in range(GOOD)]
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
