"""The one SQL database of releases and traffic: tables, and how to connect. SQLite or Postgres by URL."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from tenacity import retry, retry_if_exception_message, stop_after_delay, wait_random

from deskloop.errors import BadInput

metadata = MetaData()
_ONE_AT_A_TIME = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(5402077)"}


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Time(TypeDecorator[datetime]):
    """A moment, aware and in UTC on either database: SQLite keeps no zone, Postgres gives the session's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """As stored."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """As read."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


releases = Table(
    "releases", metadata,
    Column("version", Integer, primary_key=True, autoincrement=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("path", Text, nullable=False),
    Column("created_at", Time(), nullable=False, default=now),
    Column("verdict", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("retired", Boolean, nullable=False, default=False),
)  # fmt: skip

champion = Table(  # exactly one row: the pointer
    "champion", metadata,
    Column("id", Integer, primary_key=True),
    Column("version", ForeignKey("releases.version"), nullable=False),
    Column("since", Time(), nullable=False),
)  # fmt: skip

audit = Table(
    "audit", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Time(), nullable=False, default=now),
    Column("action", String(40), nullable=False),
    Column("from_version", Integer),
    Column("to_version", Integer),
    Column("reason", Text, nullable=False),
)  # fmt: skip

leases = Table(
    "leases", metadata,
    Column("name", String(80), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("expires_at", Float, nullable=False, comment="Unix time, seconds"),
)  # fmt: skip

conversations = Table(
    "conversations", metadata,
    Column("id", String(64), primary_key=True),
    Column("started_at", Time(), nullable=False, default=now),
    Column("channel", String(40), nullable=False, default="web"),
    Column("handed_over", Boolean, nullable=False, default=False),
)  # fmt: skip

takeovers = Table(  # a table of its own: an older database lacks it and gets it, which a column would not
    "takeovers", metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("state", String(12), nullable=False, comment="joined, released or closed"),
    Column("at", Time(), nullable=False, default=now),
)  # fmt: skip

messages = Table(
    "messages", metadata,
    Column("id", String(64), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("at", Time(), nullable=False, default=now),
    Column("role", String(12), nullable=False),
    Column("text", Text, nullable=False, comment="redacted"),
    Column("intent", String(120)),
    Column("confidence", Float),
    Column("scope", Float),
    Column("kind", String(12), comment="how the answer came about"),
    Column("reason", Text),
    Column("sources", JSON),
    Column("model_version", Integer),
    Column("latency_ms", Float),
    Index("messages_by_time", "role", "at"),
    Index("messages_by_conversation", "conversation_id", "at"),
)  # fmt: skip

feedback = Table(
    "feedback", metadata,
    Column("message_id", ForeignKey("messages.id"), primary_key=True),
    Column("thumb", Integer, nullable=False, comment="1 or -1"),
    Column("comment", Text, nullable=False, default=""),
    Column("at", Time(), nullable=False, default=now),
)  # fmt: skip

reviews = Table(
    "reviews", metadata,
    Column("message_id", ForeignKey("messages.id"), primary_key=True),
    Column("intent", String(120)),
    Column("reply", Text, nullable=False, default="", comment="redacted"),
    Column("knowledge_url", Text),
    Column("at", Time(), nullable=False, default=now),
)  # fmt: skip

approvals = Table(  # a table of its own: databases of earlier releases have the others already
    "approvals", metadata,
    Column("message_id", ForeignKey("messages.id"), primary_key=True, comment="its reviewed reply is for everybody"),
    Column("at", Time(), nullable=False, default=now),
)  # fmt: skip

drift_events = Table(
    "drift_events", metadata,
    Column("id", String(64), primary_key=True),
    Column("at", Time(), nullable=False, default=now),
    Column("model_version", Integer),
    Column("verdict", String(20), nullable=False),
    Column("detail", JSON, nullable=False),
)  # fmt: skip


def connect(url: str) -> Engine:
    """Connect and create what is missing. Raises BadInput where the URL or the server is no good."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(
            parsed, pool_pre_ping=True, hide_parameters=True
        )  # errors are logged, customers' words not
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _tune_sqlite)
        _create_missing(engine)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise BadInput(f"database_url is no SQLAlchemy URL that works here: {error}") from None
    except OperationalError as error:
        first = str(error.orig).splitlines()[0]
        raise BadInput(f"database at {parsed.render_as_string()} cannot be opened: {first}") from None
    return engine


def _create_missing(engine: Engine) -> None:
    """One process at a time: API and worker start together, and both would create what neither has found."""
    if not set(metadata.tables) - set(inspect(engine).get_table_names()):
        return
    with engine.begin() as c:
        if lock := _ONE_AT_A_TIME.get(engine.dialect.name):
            c.exec_driver_sql(lock)
        metadata.create_all(c)


def _tune_sqlite(connection: Any, _: Any) -> None:
    # WAL lets the API write while the monitor reads; the timeout waits out a writer instead of failing;
    # what is deleted is overwritten, since a customer may have asked for it
    for pragma in ("busy_timeout=10000", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    _write_ahead(connection)


@retry(
    retry=retry_if_exception_message(message="database is locked"),
    wait=wait_random(0.01, 0.05),
    stop=stop_after_delay(10),
    reraise=True,
)
def _write_ahead(connection: Any) -> None:
    # the file must be alone for a moment, and SQLite does not wait for that (busy_timeout has no part in it):
    # of several processes that open a new database at once, some would fail. Later openings find it switched
    connection.execute("PRAGMA journal_mode=WAL")
