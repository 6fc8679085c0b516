"""`deskloop ingest` takes the sources alone; its dry run shows what it would take and writes nothing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from deskloop.cli import app
from deskloop.store import Store


@pytest.fixture
def project(tmp_path):
    """A database read by watermark, a file with a broken row, and a file that is not there."""
    with sqlite3.connect(tmp_path / "shop.db") as db:
        db.execute("CREATE TABLE t (id INTEGER, body TEXT, at TEXT, who TEXT, name TEXT)")
        body = "I am Ann Visser, call me on +31 20 794 0801 or ann@mail.example about the tent"
        rows = [(n, body, f"2026-01-{n:02d}", "ann@mail.example", "Ann Visser") for n in range(1, 16)]
        db.executemany("INSERT INTO t VALUES (?,?,?,?,?)", [*rows, (16, " ", "2026-01-16", None, None)])
    db.close()
    notes = [{"question": "Where is the store?", "answer": "At 12 Harbour Street."}]
    (tmp_path / "notes.jsonl").write_text(json.dumps(notes[0]) + "\n{broken\n")
    sql = {"query": "SELECT * FROM t", "watermark": "at", "key": "id"}
    columns = {"text": "body", "at": "at", "customer": "who", "name": "name"}
    config = {
        "home": "home",
        "sources": [
            {"kind": "sql", "name": "desk", "url": "sqlite:///shop.db", **sql, "columns": columns},
            {"kind": "files", "name": "notes", "path": "notes.jsonl", "content": "knowledge"},
            {"kind": "traffic", "name": "reviewed"},
        ],
    }
    (tmp_path / "deskloop.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


def ingest(project: Path, *arguments: str):
    return CliRunner().invoke(app, ["ingest", "--config", str(project / "deskloop.yaml"), *arguments])


def files(project: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}


def test_a_dry_run_shows_counts_reasons_and_ten_redacted_rows_and_writes_nothing(project):
    before = files(project)
    result = ingest(project, "--dry-run", "--json")
    assert result.exit_code == 0 and files(project) == before
    outcome = json.loads(result.stdout)
    desk, notes, reviewed = outcome["sources"]
    assert (desk["read"], desk["conversations"], desk["reasons"]) == (16, 15, {"empty text": 1})
    assert (notes["knowledge"], notes["quarantined"], reviewed["read"]) == (1, 1, 0)
    texts = [row["text"] for row in outcome["samples"]]
    assert len(texts) == 10 and any("tent" in text for text in texts) and any("Harbour" in text for text in texts)
    assert not [t for t in texts if "ann" in t.lower() or "Visser" in t or "794" in t]
    told = ingest(project, "--dry-run", "--source", "notes").output
    assert "Nothing was written" in told and "desk" not in told


def test_it_fills_raw_area_and_store_and_a_dry_run_after_it_sees_what_is_new(project):
    result = ingest(project, "--json")
    assert result.exit_code == 0 and "source desk: reading" in result.stderr
    outcome = json.loads(result.stdout)
    assert [s["read"] for s in outcome["sources"]] == [16, 2, 0]
    batches = {digest for s in outcome["sources"] for digest in s["batches"]}
    raw = project / "home" / "raw" / "_batches"
    assert batches == set(Store(raw).objects())
    modes = {oct(p.stat().st_mode & 0o077) for p in (raw / "objects").rglob("*.jsonl")}
    assert modes == {"0o0"} and raw.stat().st_mode & 0o077 == 0
    with sqlite3.connect(project / "shop.db") as db:
        db.execute("INSERT INTO t VALUES (17, 'Is the shop open today?', '2026-02-01', NULL, NULL)")
    db.close()
    before = files(project)
    assert json.loads(ingest(project, "--dry-run", "--json").stdout)["sources"][0]["read"] == 17
    assert files(project) == before
    full = ingest(project, "--full", "--source", "desk", "--json")
    assert json.loads(full.stdout)["sources"][0]["read"] == 17


def test_a_source_that_fails_is_told_and_stops_no_other(project):
    (project / "shop.db").unlink()
    result = ingest(project, "--json")
    assert result.exit_code == 2
    desk, notes, _ = json.loads(result.stdout)["sources"]
    assert "does not exist" in desk["error"] and notes["read"] == 2


def test_an_unknown_source_is_named_with_those_there_are(project):
    result = ingest(project, "--source", "desks")
    assert result.exit_code == 2 and "desk, notes, reviewed" in result.stderr
