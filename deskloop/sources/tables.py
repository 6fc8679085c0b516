"""Rows out of files: JSON lines, JSON, CSV, TSV, Excel, Parquet, plain or gzip. A broken row never hides the others.

Rows come as a stream, so that memory does not grow with the file (but for a workbook's shared words).
Knows nothing about conversations; gives dictionaries and says where each was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskloop.errors import BadInput


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
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".parquet"):
        return _parquet(path)
    if name.endswith(".xlsx"):
        from deskloop.sources.excel import sheet

        return sheet(path)
    if name.endswith((".csv", ".tsv")):
        from deskloop.sources.separated import separated

        return separated(path, "\t" if name.endswith(".tsv") else None)
    if name.endswith((".jsonl", ".ndjson", ".json")):
        from deskloop.sources.jsons import json_lines, json_rows

        return json_rows(path) if name.endswith(".json") else json_lines(path)
    raise BadInput(
        f"{path}: cannot read this kind of file; use .jsonl, .json, .csv, .tsv, .xlsx or .parquet (or .gz of it)"
    )


def _parquet(path: Path) -> Iterator[Row]:
    """Row group by row group: a damaged one costs its own rows. Without its last bytes such a file has no rows."""
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        table = parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInput(f"{path} is not readable Parquet: {str(error).splitlines()[0][:120]}") from None
    number = 0
    for group in range(table.num_row_groups):
        try:
            for values in table.iter_batches(batch_size=1024, row_groups=[group]):
                for value in values.to_pylist():
                    number += 1
                    yield Row(f"{path.name}:{number}", value)
        except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
            reason = str(error).split("\n", 1)[0][:120]
            yield Row(f"{path.name}:group {group + 1}", None, f"the row group is damaged ({reason})")
