"""Tables between stages: their columns, and Parquet files written piece by piece. Knows no stage."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from deskloop.records import Conversation, KnowledgeEntry, Quarantined

MESSAGE_COLUMNS = (
    "id", "conversation_id", "text", "previous", "intent", "knowledge_id", "reply", "language", "split", "synthetic",
    "core_id", "channel", "at", "source", "newcomer",
)  # fmt: skip
_YES_NO = ("synthetic", "newcomer")  # whether a customer is new may be unknown


@cache
def schemas() -> dict[str, Any]:
    """Arrow schema of each table. A record's fields are columns, its times ISO text, as in its JSON form."""
    import pyarrow as pa

    said = pa.schema([(name, pa.bool_() if name in _YES_NO else pa.string()) for name in MESSAGE_COLUMNS])
    talks = [(name, _arrow(field.annotation)) for name, field in Conversation.model_fields.items() if name != "names"]
    return {
        "conversations": pa.schema([*talks, ("split", pa.string())]),
        "messages": said,
        "knowledge": _of(KnowledgeEntry),
        "quarantine": _of(Quarantined),
    }


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows as an Arrow table of that name; a field that the rows lack is empty."""
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), schema=schemas()[name])


def rows(path: Path) -> int:
    """Number of rows of a Parquet file, by its footer."""
    import pyarrow.parquet as parquet

    return int(parquet.read_metadata(path).num_rows)


class Writer:
    """Parquet files of all the tables, below one folder, grown piece by piece."""

    def __init__(self, folder: Path) -> None:
        import pyarrow.parquet as parquet

        self.paths = {name: folder / f"{name}.parquet" for name in schemas()}
        self._open = {name: parquet.ParquetWriter(self.paths[name], schema) for name, schema in schemas().items()}

    def add(self, name: str, rows: Any) -> None:
        """Append a table, a pandas DataFrame or a list of rows."""
        import pyarrow as pa

        if isinstance(rows, list):
            rows = table(name, rows)
        elif not isinstance(rows, pa.Table):
            rows = pa.Table.from_pandas(rows, schema=schemas()[name], preserve_index=False)
        self._open[name].write_table(rows)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._open.values():
            writer.close()


def _of(record: type[BaseModel]) -> Any:
    import pyarrow as pa

    return pa.schema([(name, _arrow(field.annotation)) for name, field in record.model_fields.items()])


def _arrow(annotation: Any) -> Any:
    """The Arrow type of a field of a record."""
    import pyarrow as pa

    origin, given = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _arrow(next(a for a in given if a is not type(None)))
    if origin is tuple:
        return pa.list_(_arrow(given[0]))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return pa.struct([(name, _arrow(field.annotation)) for name, field in annotation.model_fields.items()])
    if annotation in (str, datetime) or origin is Literal:
        return pa.string()
    return {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}[annotation]
