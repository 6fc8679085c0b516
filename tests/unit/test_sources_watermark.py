"""A table with a watermark column is read once; after that only what changed, on SQLite and on Postgres."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine, event, text

from deskloop import sources
from deskloop.errors import BadInput
from deskloop.origins import SqlSource
from deskloop.settings import Settings
from deskloop.sources import watermark

QUERY = "SELECT id, body, changed_at, gone FROM tickets"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request, tmp_path):
    """A real database with three tickets, two of them of the same moment."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else f"sqlite:///{tmp_path}/t.db"
    engine = create_engine(url)
    with engine.begin() as c:
        c.execute(text("CREATE TABLE tickets (id INTEGER, body TEXT, changed_at TIMESTAMP, gone INTEGER)"))
    put(engine, (1, "Where is my tent?", 1), (2, "Can I return it?", 2), (3, "Is it waterproof?", 2))
    yield engine
    engine.dispose()


def put(engine, *rows):
    with engine.begin() as c:
        for number, body, day in rows:
            c.execute(text("DELETE FROM tickets WHERE id = :i"), {"i": number})
            at = f"2026-01-{day:02d} 09:00:00" if day else None
            c.execute(text("INSERT INTO tickets VALUES (:i, :b, :a, 0)"), {"i": number, "b": body, "a": at})


def change(engine, statement):
    with engine.begin() as c:
        c.execute(text(statement))


def source(engine, **more):
    url = engine.url.render_as_string(hide_password=False)
    how = {"watermark": "changed_at", "key": "id", "columns": {"text": "body", "at": "changed_at"}, **more}
    return SqlSource(kind="sql", name="tickets", url=url, query=QUERY, **how)


def texts(source, settings):
    batch = sources.read(source, settings)
    assert batch.read == len(batch.conversations) + len(batch.quarantined)
    return {c.id: c.turns[0].text for c in batch.conversations}


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


def test_only_changed_rows_are_asked_for_again(engine, settings, monkeypatch):
    monkeypatch.setattr(watermark, "ROWS", 2)  # so that three rows are two pages
    desk = source(engine)
    assert set(texts(desk, settings)) == {"1", "2", "3"}
    put(engine, (2, "May I return it?", 5), (4, "Is the store open?", 2))  # 4 has the last watermark of before
    asked = []

    @event.listens_for(type(engine), "before_cursor_execute")
    def seen(conn, cursor, statement, values, *rest):
        asked.append(statement)

    try:
        found = texts(desk, settings)
    finally:
        event.remove(type(engine), "before_cursor_execute", seen)
    assert found["2"] == "May I return it?" and set(found) == {"1", "2", "3", "4"}
    assert all("WHERE" in s for s in asked if "tickets" in s), asked


def test_rows_that_vanish_are_found_by_listing_the_keys(engine, settings):
    every_time = source(engine, list_hours=0)
    assert set(texts(every_time, settings)) == {"1", "2", "3"}
    change(engine, "DELETE FROM tickets WHERE id = 1")
    put(engine, (9, "A ticket without a time", 0))  # no watermark ever shows it
    assert set(texts(every_time, settings)) == {"2", "3", "9"}
    change(engine, "DELETE FROM tickets WHERE id = 2")
    assert set(texts(source(engine, list_hours=1), settings)) == {"2", "3", "9"}  # not due yet


def test_a_deleted_column_takes_the_row_out_at_once(engine, settings):
    desk = source(engine, deleted="gone")
    assert set(texts(desk, settings)) == {"1", "2", "3"}
    change(engine, "UPDATE tickets SET gone = 1, changed_at = '2026-02-01 09:00:00' WHERE id = 3")
    assert set(texts(desk, settings)) == {"1", "2"}


def test_a_read_that_was_cut_off_goes_on_where_it_was(engine, settings, monkeypatch):
    monkeypatch.setattr(watermark, "ROWS", 1)
    honest, calls = watermark._change, []

    def cut(*row):
        calls.append(row)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return honest(*row)

    monkeypatch.setattr(watermark, "_change", cut)
    with pytest.raises(KeyboardInterrupt):
        texts(source(engine), settings)
    assert set(texts(source(engine), settings)) == {"1", "2", "3"}
    assert [row[1]["id"] for row in calls] == [1, 2, 2, 3]


def test_the_fingerprint_follows_the_rows_by_reading_what_changed(engine, settings):
    first = sources.fingerprint(source(engine), settings)
    assert sources.fingerprint(source(engine), settings) == first
    put(engine, (1, "Where is my blue tent?", 7))
    assert sources.fingerprint(source(engine), settings) != first
    assert texts(source(engine), settings)["1"] == "Where is my blue tent?"


def test_wrong_columns_are_told_in_one_line(engine, settings):
    with pytest.raises(BadInput, match="nowhere"):
        texts(source(engine, watermark="nowhere"), settings)
    put(engine, (None, "No key", 3))
    with pytest.raises(BadInput, match="'id' is empty in some rows"):
        texts(source(engine, list_hours=0), settings)
    with pytest.raises(ValidationError, match="go together"):
        source(engine, key=None)
