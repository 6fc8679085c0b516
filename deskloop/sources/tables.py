"""Rows out of files: JSON lines, JSON, CSV, TSV, Excel, Parquet, plain or gzip. A broken row never hides the others.

Knows nothing about conversations; gives dictionaries and says where each was.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from deskloop.errors import BadInput

_LONGEST_LINE = 8_000_000
_MOST_BYTES = 4_000_000_000
_MOST_WHOLE = 200_000_000  # unpacked bytes of a form that is read whole: CSV, a JSON array, YAML
_SPACE = " \t\r\n,"
_ROWS_KEY = re.compile(r'"(?:chats|conversations|payload|data|results|tickets|messages)"[ \t\r\n]*:[ \t\r\n]*\[')


@dataclass(frozen=True)
class Row:
    """A row, or why there is none."""

    locator: str
    value: dict[str, Any] | None
    problem: str = ""
    raw: str = ""


def rows(path: Path) -> list[dict[str, Any]]:
    """All rows of a well-formed file. Raises BadInput naming the first row that is broken."""
    if not path.is_file():
        raise BadInput(f"{path} does not exist; give a .jsonl, .jsonl.gz, .csv or .parquet file")
    out = []
    for row in scan(path):
        if row.value is None:
            raise BadInput(f"{row.locator}: {row.problem}; mend or remove that row")
        out.append(row.value)
    return out


def scan(path: Path) -> Iterator[Row]:
    """Rows one by one, broken ones included. Raises BadInput only if the file as a whole cannot be read."""
    name = path.name.removesuffix(".gz").lower()
    if name.endswith(".parquet"):
        return _parquet(path)
    if name.endswith(".xlsx"):
        from deskloop.sources.excel import sheet

        return sheet(path)
    if name.endswith((".csv", ".tsv")):
        return _separated(path, "\t" if name.endswith(".tsv") else None)
    if name.endswith((".jsonl", ".ndjson")):
        return _lines(path)
    if name.endswith(".json"):
        return _json(path)
    raise BadInput(
        f"{path}: cannot read this kind of file; use .jsonl, .json, .csv, .tsv, .xlsx or .parquet (or .gz of it)"
    )


def open_bytes(path: Path) -> BinaryIO:
    """The file's bytes, unpacked where gzip, whatever its name says."""
    try:
        with path.open("rb") as stream:
            packed = stream.read(3) == b"\x1f\x8b\x08"  # gzip knows one method; other text may begin alike
        return cast(BinaryIO, gzip.open(path, "rb") if packed else path.open("rb"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from None


def _lines(path: Path) -> Iterator[Row]:
    for number, raw, problem in _raw_lines(path):
        where = f"{path.name}:{number}"
        text = raw.decode("utf-8-sig", "replace").strip()
        if problem:
            yield Row(where, None, problem, text[:1000])
        elif text:
            yield _parsed(where, text, raw)


def _raw_lines(path: Path) -> Iterator[tuple[int, bytes, str]]:
    number = 0
    total = 0
    with open_bytes(path) as stream:
        while True:
            number += 1
            try:
                raw = stream.readline(_LONGEST_LINE)
                first = raw
                while len(raw) == _LONGEST_LINE and not raw.endswith(b"\n"):
                    raw = stream.readline(_LONGEST_LINE)
                    total += len(raw)
            except (EOFError, OSError, zlib.error) as error:
                yield number, b"", f"the file is cut off or damaged here ({error})"
                return
            total += len(first)
            if not first:
                return
            yield number, first, "line too long" if raw is not first else ""
            if total > _MOST_BYTES:
                yield number, b"", f"the file is larger than {_MOST_BYTES:,} bytes unpacked"
                return


def _parsed(where: str, text: str, raw: bytes) -> Row:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Row(where, None, f"not JSON ({str(error)[:80]})", text[:1000])
    if not isinstance(value, dict):
        return Row(where, None, f"expected an object, got {type(value).__name__}", text[:1000])
    if b"\xef\xbf\xbd" not in raw and "\ufffd" in text:
        return Row(where, None, "not UTF-8", text[:1000])
    return Row(where, value, raw=text)


def _json(path: Path) -> Iterator[Row]:
    """Objects of a JSON array (bare, or the one list inside an object); reads on until the first break."""
    try:
        with open_bytes(path) as stream:
            data, problem = _whole(stream)
    except (EOFError, OSError, zlib.error) as error:
        data, problem = _salvaged(path), f"the file is cut off or damaged ({error})"
    text = data.decode("utf-8-sig", "replace")
    start = _array_start(text)
    if start is None:
        yield _parsed(f"{path.name}:1", text.strip(), data) if text.strip() else Row(path.name, None, "empty file")
        return
    yield from _array(path, text, start, problem)


def _array(path: Path, text: str, at: int, problem: str) -> Iterator[Row]:
    decoder = json.JSONDecoder()
    number = 0
    while True:
        while at < len(text) and text[at] in _SPACE:
            at += 1
        if at < len(text) and text[at] == "]":
            return
        number += 1
        where = f"{path.name}:{number}"
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield Row(where, None, problem or f"not JSON from here on ({str(error)[:80]})", text[at : at + 1000])
            return
        is_object = isinstance(value, dict)
        yield Row(where, value if is_object else None, "" if is_object else "expected an object", text[at:end])
        at = end


def _array_start(text: str) -> int | None:
    """Where the array of rows begins: at the top, or under one of the usual keys."""
    stripped = text.lstrip()
    if stripped.startswith("["):
        return len(text) - len(stripped) + 1
    if not stripped.startswith("{"):
        return None
    # the first such key: a ticket's own `conversations` come after the `tickets` that hold it
    found = _ROWS_KEY.search(text)
    return found.end() if found else None


def _whole(stream: BinaryIO) -> tuple[bytes, str]:
    """The content as far as it is read, and the problem if that is not all."""
    data = stream.read(_MOST_WHOLE)
    rest = stream.read(1)
    return data, f"larger than {_MOST_WHOLE:,} bytes unpacked: split it, or give JSON lines" if rest else ""


def _salvaged(path: Path) -> bytes:
    out = bytearray()
    with gzip.open(path, "rb") as stream:
        while len(out) < _MOST_WHOLE:
            try:
                piece = stream.read(65_536)
            except (EOFError, OSError, zlib.error):
                break
            if not piece:
                break
            out += piece
    return bytes(out)


def _separated(path: Path, separator: str | None) -> Iterator[Row]:
    with open_bytes(path) as stream:
        try:
            data, problem = _whole(stream)
        except (EOFError, OSError, zlib.error):
            data, problem = _salvaged(path), "the file is cut off or damaged"
    if problem:
        yield Row(path.name, None, problem)
        data = data[: data.rfind(b"\n") + 1]  # half a row is none
    text = _text(data).replace("\x00", "")
    if not text.strip():
        return
    head = text.split("\n", 1)[0]
    mark = separator or max(",;\t|", key=head.count)
    csv.field_size_limit(_LONGEST_LINE)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    columns: list[str] = []
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(f"{path.name}:{reader.line_num}", None, f"not {mark!r}-separated ({error})")
            continue
        where = f"{path.name}:{reader.line_num}"
        if not columns:
            columns = [c.strip() for c in cells]
        elif len(cells) != len(columns) and any(cells):
            yield Row(where, None, f"expected {len(columns)} cells, got {len(cells)}", mark.join(cells)[:1000])
        elif any(cells):
            yield Row(where, dict(zip(columns, cells, strict=True)), raw=mark.join(cells))


def _text(data: bytes) -> str:
    from deskloop.sources.mime import decode

    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return decode(data.removeprefix(b"\xef\xbb\xbf"), "utf-8")


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        table = parquet.ParquetFile(path)
        number = 0
        for group in table.iter_batches(batch_size=4096):
            for value in group.to_pylist():
                number += 1
                yield Row(f"{path.name}:{number}", value)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInput(f"{path} is not readable Parquet: {str(error).splitlines()[0][:120]}") from None
