"""Rows of the first sheet of an Excel workbook. A formula gives the value that Excel last stored, else its own text.

Formulas are never evaluated. Rows come as a stream, but the workbook's shared words are held in memory; a file that
unpacks to more than a workbook can be is refused.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import repeat
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from deskloop.errors import BadInput
from deskloop.sources.tables import Row

_MOST_BYTES = 500_000_000
_MOST_WORDS = 100_000_000  # bytes of the shared words, which cost a multiple of that in memory
_MOST_ROWS, _MOST_CELLS = 1_048_576, 100_000_000  # a row may say that it is any number and any width
_BOMB_BYTES, _BOMB_RATIO = 20_000_000, 100
_DAMAGE = (
    SyntaxError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, EOFError, OSError,
    zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError,
)  # fmt: skip


def sheet(path: Path) -> Iterator[Row]:
    """Rows below the first one, which names the columns. Raises BadInput if the file is no workbook."""
    with ExitStack() as opened:
        try:
            _bounded(path)
            try:
                found = _opened(path, opened)
            except _DAMAGE:
                whole, damaged = _mended(path, opened)
                found = _opened(whole, opened)
                yield Row(path.name, None, f"the workbook is damaged in {', '.join(damaged)}"[:200])
        except BadInput:
            raise
        except Exception as error:  # zip, XML and openpyxl's own reading each raise their own kinds on damage
            raise BadInput(
                f"{path} is not readable Excel (.xlsx): {str(error).split(chr(10), 1)[0][:120] or 'damaged'}"
            ) from None
        yield from _rows(path, *found)


def _mended(path: Path, opened: ExitStack) -> tuple[IO[bytes], list[str]]:
    """The workbook without its damaged parts, of sheets what stands before the damage; and which parts those are."""
    out = opened.enter_context(SpooledTemporaryFile(max_size=50_000_000))  # noqa: SIM115  the stack closes it
    damaged = []
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for part in old.infolist():
            if not _copied(old, part, new):
                damaged.append(part.filename)
    return out, damaged or ["how its parts belong together"]


def _copied(old: zipfile.ZipFile, part: zipfile.ZipInfo, new: zipfile.ZipFile) -> bool:
    """Copy a part that is whole, or of a sheet what there is. Returns whether it is whole."""
    try:
        with old.open(part) as stream:
            while stream.read(1_000_000):
                pass
        whole = True
    except _DAMAGE:
        whole = False
    if whole or part.filename.startswith("xl/worksheets/"):
        with suppress(*_DAMAGE), new.open(part.filename, "w") as target, old.open(part) as stream:
            while piece := stream.read(512):  # small, since a piece with damage in it is lost
                target.write(piece)
    return whole


def _opened(file: Path | IO[bytes], opened: ExitStack) -> tuple[Any, Any]:
    """The first sheet with its stored values and, where there are formulas, with their text."""
    formulas = _has_formulas(file)
    return _first_sheet(file, opened, True), _first_sheet(file, opened, False) if formulas else None


def _bounded(path: Path) -> None:
    with zipfile.ZipFile(path) as packed:
        parts = packed.infolist()
    size = sum(part.file_size for part in parts)
    words = sum(part.file_size for part in parts if part.filename.endswith("sharedStrings.xml"))
    bomb = size > max(_BOMB_BYTES, _BOMB_RATIO * path.stat().st_size)
    if size > _MOST_BYTES or words > _MOST_WORDS or bomb:
        raise BadInput(f"{path} unpacks to {size:,} bytes; split it or save it as CSV")


def _has_formulas(file: Path | IO[bytes]) -> bool:
    with zipfile.ZipFile(file) as packed:
        for name in packed.namelist():
            if not name.startswith("xl/worksheets/"):
                continue
            with packed.open(name) as part:
                before = b""
                while piece := part.read(1_000_000):
                    if b"<f" in before[-1:] + piece:
                        return True
                    before = piece
    return False


def _first_sheet(file: Path | IO[bytes], opened: ExitStack, data_only: bool) -> Any:
    import openpyxl

    book = openpyxl.load_workbook(file, read_only=True, data_only=data_only, keep_links=False)
    opened.callback(book.close)
    first = book.worksheets[0] if book.worksheets else None
    if first is not None:
        first.reset_dimensions()  # what a sheet says of its size is not believed: it may be a million empty columns
    return first


def _rows(path: Path, values: Any, formulas: Any) -> Iterator[Row]:
    columns: list[str] = []
    number = size = 0
    try:
        for number, cells in enumerate(_cells(values, formulas), 1):
            size += len(cells)
            if number > _MOST_ROWS or size > _MOST_CELLS:
                raise OverflowError
            if not any(c is not None for c in cells):
                continue
            if not columns:
                columns = ["" if c is None else str(c).strip() for c in cells]
            else:
                yield Row(f"{path.name}:{number}", {k: v for k, v in zip(columns, cells, strict=False) if k})
    except _DAMAGE as error:
        yield Row(f"{path.name}:{number + 1}", None, f"the sheet is damaged here ({type(error).__name__})")


def _cells(values: Any, formulas: Any) -> Iterator[tuple[object, ...]]:
    """The stored values of each row; where there is none, the formula's text."""
    if values is None:
        return
    found = values.iter_rows(values_only=True)
    written = formulas.iter_rows(values_only=True) if formulas is not None else repeat(())
    for stored, texts in zip(found, written, strict=False):
        yield tuple(t if v is None else v for v, t in zip(stored, texts, strict=False)) if texts else stored
