"""Rows of the first sheet of an Excel workbook. Formulas give the value that Excel last stored, and are never run."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from deskloop.errors import BadInput
from deskloop.sources.tables import Row

_MOST_BYTES = 500_000_000


def sheet(path: Path) -> Iterator[Row]:
    """Rows below the first one, which names the columns. Raises BadInput if the file is no workbook."""
    import openpyxl

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(part.file_size for part in packed.infolist()) > _MOST_BYTES:
                raise BadInput(f"{path} unpacks to more than {_MOST_BYTES:,} bytes; split it or save it as CSV")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except BadInput:
        raise
    except Exception as error:  # zip, XML and openpyxl's own reading each raise their own kinds on damage
        raise BadInput(
            f"{path} is not readable Excel (.xlsx): {str(error).splitlines()[0][:120] or 'damaged'}"
        ) from None
    try:
        yield from _rows(path, book.worksheets[0].iter_rows(values_only=True) if book.worksheets else iter(()))
    finally:
        book.close()


def _rows(path: Path, found: Iterator[tuple[object, ...]]) -> Iterator[Row]:
    columns: list[str] = []
    number = 0
    while True:
        number += 1
        try:
            cells = next(found)
        except StopIteration:
            return
        except (
            SyntaxError,
            ValueError,
            KeyError,
            TypeError,
            EOFError,
            OSError,
            zlib.error,
            zipfile.BadZipFile,
        ) as error:
            yield Row(f"{path.name}:{number}", None, f"the sheet is damaged here ({type(error).__name__})")
            return
        if not columns:
            columns = ["" if c is None else str(c).strip() for c in cells] if any(cells) else []
        elif any(c is not None for c in cells):
            yield Row(f"{path.name}:{number}", {k: v for k, v in zip(columns, cells, strict=False) if k})
