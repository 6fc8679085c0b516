"""API and worker may start in the same moment on an empty database."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect

from deskloop.database import connect, metadata

AT_ONCE = 6


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else f"sqlite:///{tmp_path}/a.db"


def test_processes_that_start_together_share_one_set_of_tables(url: str) -> None:
    gate = threading.Barrier(AT_ONCE)

    def start(_: int) -> set[str]:
        gate.wait()
        engine = connect(url)
        found = set(inspect(engine).get_table_names())
        engine.dispose()
        return found

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert all(tables >= set(metadata.tables) for tables in pool.map(start, range(AT_ONCE)))


def test_a_file_that_another_program_holds_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db", check_same_thread=False)) as other:
        other.execute("CREATE TABLE theirs (id INTEGER)")
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, other.rollback)
        release.start()
        assert set(inspect(connect(f"sqlite:///{tmp_path}/a.db")).get_table_names()) >= set(metadata.tables)
        release.join()
