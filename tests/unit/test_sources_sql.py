"""Rows of a database are read, never written."""

import sqlite3

import pytest

from deskloop import sources
from deskloop.errors import BadInput, TransientError
from deskloop.origins import SqlSource
from deskloop.settings import Settings

QUERY = "SELECT id, created_at, body, reply, intent, synthetic FROM tickets ORDER BY id"
COLUMNS = {"text": "body", "at": "created_at"}


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tickets(id, created_at, body, reply, intent, synthetic)")
        rows = [
            (1, "2025-05-01 09:00:00", "Where is it? 10:30 was promised", "Soon", "track_order", 0),
            (2, "2025-05-02 09:00:00", "  ", None, None, 0),
            (3, None, "Can I pay later?", None, "payment", 1),
        ]
        connection.executemany("INSERT INTO tickets VALUES (?,?,?,?,?,?)", rows)
    return path


def source(path, query=QUERY, columns=COLUMNS):
    return SqlSource(kind="sql", name="tickets", url=f"sqlite:///{path}", query=query, columns=columns)


def test_rows_become_conversations(database, tmp_path):
    batch = sources.read(source(database), Settings(home=tmp_path))
    first, third = batch.conversations
    assert [t.role for t in first.turns] == ["customer", "agent"]
    assert first.started_at.isoformat() == "2025-05-01T09:00:00+00:00"
    assert (third.intent, third.synthetic) == ("payment", True)
    assert [q.reason for q in batch.quarantined] == ["empty text"]


@pytest.mark.parametrize(
    ("query", "columns", "says"),
    [
        ("DELETE FROM tickets", COLUMNS, "must begin with SELECT"),
        ("SELECT * FROM nowhere", COLUMNS, "no such table"),
        (QUERY, {"text": "message"}, "no column 'message'"),
        ("SELECT id, body AS text FROM tickets WHERE 0", {}, "empty"),
        ("WITH x AS (SELECT 1) DELETE FROM tickets", {"text": "body"}, "readonly"),
    ],
)
def test_wrong_queries_are_told_in_one_line(database, tmp_path, query, columns, says):
    with pytest.raises(BadInput, match=says) as error:
        sources.read(source(database, query, columns), Settings(home=tmp_path))
    assert "\n" not in str(error.value)


def test_a_missing_database_is_not_made(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        sources.read(source(tmp_path / "none.db"), Settings(home=tmp_path))
    assert not (tmp_path / "none.db").exists()


def test_a_locked_database_may_be_free_later(database, tmp_path):
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    locked = source(database).model_copy(update={"url": f"sqlite:///{database}?timeout=0"})
    with pytest.raises(TransientError, match="locked"):
        sources.read(locked, Settings(home=tmp_path))
    holder.close()


def test_the_fingerprint_follows_the_rows(database, tmp_path):
    first = sources.fingerprint(source(database), Settings(home=tmp_path))
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE tickets SET body = 'other' WHERE id = 3")
    assert first != sources.fingerprint(source(database), Settings(home=tmp_path))
