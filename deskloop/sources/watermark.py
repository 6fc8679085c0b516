"""Rows of a query in the order of a column that grows with every change, page by page, for a journal.

Each sync begins at the last watermark itself, not after it, so that a row that came later with the same value
is seen. From time to time all keys are listed: rows that are gone are deleted here, and rows that slipped by
(committed late, or without a watermark) are fetched. Knows SQL, but neither connections nor what rows mean.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from deskloop.errors import BadInput
from deskloop.origins import SqlSource
from deskloop.settings import Settings
from deskloop.sources import journal
from deskloop.sources.journal import Change, Page, Pages

ROWS = 1000  # of a page
AT_ONCE = 200  # keys of one look-up; old SQLite takes 999 values
_NO = frozenset(("", "0", "f", "false", "n", "no", "none"))


class Ask(Protocol):
    """Selects `what` from the configured query; `{key}` and `{watermark}` stand for the columns."""

    def __call__(self, what: str, rest: str, **values: Any) -> list[dict[str, Any]]:
        """Rows by column name."""


def pages(source: SqlSource, settings: Settings, ask: Ask) -> Pages:
    """The source's changes since a cursor `{watermark, key, ended, listed}` (the last in Unix seconds)."""

    def since(cursor: dict[str, Any] | None) -> Iterator[Page]:
        at = dict(cursor or {"watermark": None, "key": None, "ended": False, "listed": 0.0})
        for rows in _changed(source, ask, at):
            at.update(watermark=_plain(rows[-1][str(source.watermark)]), key=_plain(rows[-1][str(source.key)]))
            yield Page(tuple(_change(source, row) for row in rows), dict(at))
        due = time.time() - at["listed"] >= source.list_hours * 3600
        if due:
            yield from _mended(source, settings, ask, at)
        at |= {"ended": True, "key": None, "listed": time.time() if due else at["listed"]}
        yield Page((), dict(at))

    return since


def _changed(source: SqlSource, ask: Ask, at: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Pages of changed rows. Goes on after (watermark, key) where a sync was cut off, else from the watermark."""
    within = not at["ended"]
    at["ended"] = False
    while True:
        values = {"w": at["watermark"], "k": at["key"], "most": ROWS}
        if values["w"] is None:
            where = "{watermark} IS NOT NULL"
        elif within and values["k"] is not None:
            where = "({watermark} > :w OR ({watermark} = :w AND {key} > :k))"
        else:
            where = "{watermark} >= :w"
        used = {name: value for name, value in values.items() if f":{name}" in f"{where} :most"}
        rows = ask("*", f"WHERE {where} AND {{key}} IS NOT NULL ORDER BY {{watermark}}, {{key}} LIMIT :most", **used)
        _require(source, rows)
        if rows:
            yield rows
        if len(rows) < ROWS:
            return
        within = True


def _mended(source: SqlSource, settings: Settings, ask: Ask, at: dict[str, Any]) -> Iterator[Page]:
    """Changes by which the journal holds just the keys that the source lists."""
    listed = {_plain(row[str(source.key)]) for row in ask("{key}", "")}
    if None in listed:
        raise BadInput(f"source {source.name}: key column {source.key!r} is empty in some rows; name a unique one")
    known, names = journal.keys(source, settings), {str(key) for key in listed}
    for gone in _portions(sorted(known - names), ROWS):
        yield Page(tuple(Change(key, None) for key in gone), dict(at))
    for keys in _portions(sorted((k for k in listed if str(k) not in known), key=str), AT_ONCE):
        slots = {f"k{number}": key for number, key in enumerate(keys)}
        rows = ask("*", f"WHERE {{key}} IN ({', '.join(f':{slot}' for slot in slots)})", **slots)
        yield Page(tuple(_change(source, row) for row in rows), dict(at))


def _change(source: SqlSource, row: dict[str, Any]) -> Change:
    gone = source.deleted and str(row[source.deleted] or "").strip().lower() not in _NO
    record = None if gone else {name: _plain(value) for name, value in row.items()}
    return Change(str(_plain(row[str(source.key)])), record)


def _require(source: SqlSource, rows: list[dict[str, Any]]) -> None:
    wanted = [name for name in (source.key, source.watermark, source.deleted) if name]
    for name in wanted if rows else ():
        if name not in rows[0]:
            has = ", ".join(rows[0])
            raise BadInput(f"source {source.name}: the query has no column {name!r}, it has {has}")


def _plain(value: Any) -> Any:
    """A value as JSON has it, and as the database compares it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _portions(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[at : at + size] for at in range(0, len(values), size))
