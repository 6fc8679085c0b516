"""Rows of a SQL query, one conversation each. Only reads; a query that would write is refused.

With a watermark column the rows are kept in the source's raw area and only changed ones are asked for
(see watermark.py); without one the query is read whole each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from deskloop.errors import BadInput, TransientError
from deskloop.origins import SqlSource
from deskloop.settings import Settings
from deskloop.sources.batch import Batch, Builder, digest
from deskloop.sources.files import labelled
from deskloop.store import sha256_file

if TYPE_CHECKING:
    from deskloop.sources.watermark import Ask

_READS = re.compile(r"^\s*(?:select|with|values|table)\b", re.I)
_NAMES = ("id", "text", "reply", "intent", "at", "customer", "channel", "outcome", "knowledge_url", "synthetic",
          "core_id", "name")  # fmt: skip
_PASSING = re.compile(
    r"locked|busy|timeout|timed out|refused|reset|closed|unreachable|could not connect|starting up|too many|"
    r"terminating|unavailable|connection failed|server has gone away",
    re.I,
)


def read(source: SqlSource, settings: Settings) -> Batch:
    """Run the query and take each row. Raises BadInput for a wrong URL, table or column."""
    builder = Builder(source.name, source.dates)
    rows = _kept(source, settings) if source.watermark else _all(source)
    wanted: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        wanted = wanted or _columns(source, list(row))
        value = {ours: row[theirs] for ours, theirs in wanted.items()}
        where = f"row {value.get('id', number)}"
        if str(value.get("text") or "").strip():
            labelled(builder, where, value, settings)
        else:
            builder.refuse(where, "empty text", value)
    return builder.batch("the query's result")


def fingerprint(source: SqlSource, settings: Settings) -> str:
    """Digest of the database file, or of the number of rows and the latest time where it is a server."""
    if source.watermark:
        from deskloop.sources import journal, watermark

        with _connect(source) as connection:
            pages = watermark.pages(source, settings, _asking(source, connection))
            return journal.fingerprint(source, settings, pages)
    url = _url(source)
    how = source.model_dump(mode="json", exclude={"url"})
    if url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database)
        # The log holds what was committed and not yet moved into the file.
        log = path.with_name(f"{path.name}-wal")
        return digest([how, *(sha256_file(p) for p in (path, log) if p.is_file() and p.stat().st_size)])
    inner = source.query.strip().rstrip(";")
    latest = f", max({source.columns['at']})" if "at" in source.columns else ""
    with _connect(source) as connection:
        # The query is the configuration's own text, and reads only.
        row = _run(source, connection, f"SELECT count(*){latest} FROM ({inner}) AS rows_read").one()  # noqa: S608
    return digest([how, *map(str, row)])


def _all(source: SqlSource) -> Iterator[Mapping[str, Any]]:
    with _connect(source) as connection:
        result = _run(source, connection, source.query)
        _columns(source, list(result.keys()))
        yield from result.mappings()


def _kept(source: SqlSource, settings: Settings) -> Iterable[Mapping[str, Any]]:
    from deskloop.sources import journal, watermark

    with _connect(source) as connection:
        pages = watermark.pages(source, settings, _asking(source, connection))
        return journal.follow(source, settings, pages).values()


def _asking(source: SqlSource, connection: Connection) -> Ask:
    """Select from the configured query: `ask(what, rest, **values)`, names in braces quoted as the server wants."""
    quote = connection.dialect.identifier_preparer.quote
    inner = source.query.strip().rstrip(";").replace(":", r"\:")
    names = {"key": quote(source.key or ""), "watermark": quote(source.watermark or "")}

    def ask(what: str, rest: str, **values: Any) -> list[dict[str, Any]]:
        # The query is the configuration's own text, and reads only.
        statement = f"SELECT {what.format(**names)} FROM ({inner}) AS rows_read {rest.format(**names)}"  # noqa: S608
        try:
            return [dict(row) for row in connection.execute(text(statement), values).mappings()]
        except SQLAlchemyError as error:
            raise _told(source, error) from None

    return ask


def _url(source: SqlSource) -> URL:
    try:
        url = make_url(source.url)
    except ArgumentError:
        raise BadInput(f"source {source.name}: url is no SQLAlchemy URL such as sqlite:///shop.db") from None
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        raise BadInput(f"source {source.name}: database {url.database} does not exist; check `url` in the config")
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if not _READS.match(source.query):
        raise BadInput(
            f"source {source.name}: query must begin with SELECT or WITH, got {source.query.strip()[:30]!r}"
        )
    return url


def _connect(source: SqlSource) -> Connection:
    url = _url(source)
    try:
        engine = create_engine(url)
        _read_only(engine)
        return engine.connect()
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise BadInput(f"source {source.name}: no driver for {url.drivername} ({error}); pip install one") from None
    except SQLAlchemyError as error:
        raise _told(source, error, connecting=True) from None


def _read_only(engine: Engine) -> None:
    backend = engine.url.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        return

    @event.listens_for(engine, "connect")
    def refuse_writes(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(
            "PRAGMA query_only = ON" if backend == "sqlite" else "SET SESSION default_transaction_read_only = on"
        )
        cursor.close()
        if backend == "postgresql":
            connection.commit()


def _run(source: SqlSource, connection: Connection, query: str) -> Any:
    try:
        return connection.execute(text(query.replace(":", r"\:")))
    except SQLAlchemyError as error:
        raise _told(source, error) from None


def _told(source: SqlSource, error: SQLAlchemyError, connecting: bool = False) -> Exception:
    reason = str(getattr(error, "orig", None) or error).strip().split("\n")[0][:200]
    passing = isinstance(error, OperationalError) and (
        _PASSING.search(reason) or (connecting and "file" not in reason)
    )
    if passing or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return TransientError(f"source {source.name}: {reason}")
    return BadInput(f"source {source.name}: {reason}; check `url` and `query` in the config")


def _columns(source: SqlSource, found: list[str]) -> dict[str, str]:
    wanted = {name: name for name in _NAMES if name in found} | source.columns
    missing = sorted(set(wanted.values()) - set(found))
    if missing or "text" not in wanted:
        lacking = missing[0] if missing else "text"
        raise BadInput(
            f"source {source.name}: the query has no column {lacking!r}, it has {', '.join(found)}; set `columns`"
        )
    return wanted
