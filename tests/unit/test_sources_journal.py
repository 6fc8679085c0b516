"""A journal keeps what a source gave, through kills and torn writes, and nothing that was deleted there."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from deskloop.origins import SqlSource
from deskloop.settings import Settings
from deskloop.sources import erased, journal
from deskloop.sources.identity import customer_hash
from deskloop.sources.journal import Change, Page

PAGES, ROWS = 24, 5
CHILD = (
    textwrap.dedent("""
    import sys
    from pathlib import Path
    from deskloop.origins import SqlSource
    from deskloop.settings import Settings
    from deskloop.sources.journal import Change, Page, follow

    def pages(cursor):
        for number in range((cursor or {"page": 0})["page"], PAGES):
            with open(sys.argv[2], "a") as asked:
                asked.write(f"{number}\\n")
            rows = [Change(f"{number}-{row}", {"text": "x" * 500, "page": number}) for row in range(ROWS)]
            old = [Change(f"{number - 1}-0", None)] if number else []
            yield Page((*rows, *old), {"page": number + 1})
            print(number, flush=True)  # the page before this line is kept

    source = SqlSource(kind="sql", name="desk", url="sqlite://", query="select 1")
    found = follow(source, Settings(home=Path(sys.argv[1])), pages)
    print("done", len(found), flush=True)
""")
    .replace("PAGES", str(PAGES))
    .replace("ROWS", str(ROWS))
)


def source(**changed):
    values = {"kind": "sql", "name": "desk", "url": "sqlite://", "query": "select 1", **changed}
    return SqlSource(**values)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


def one_page(*changes, cursor=None):
    def pages(_):
        yield Page(changes, cursor or {"at": 1})

    return pages


def nothing_new(cursor):
    assert cursor is not None, "the source was asked from its beginning"
    yield from ()


def test_a_process_killed_between_and_within_pages_loses_nothing_and_doubles_nothing(settings, tmp_path):
    asked = tmp_path / "asked"
    command = [sys.executable, "-c", CHILD, str(settings.home), str(asked)]
    for after in (3, 9):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for _ in range(after):
            child.stdout.readline()
        child.kill()  # SIGKILL, while it writes the next pages
        child.wait()
        child.stdout.close()
        last = sorted((settings.home / "raw" / "desk").glob("segment-*.jsonl"))[-1]
        with last.open("ab") as segment:
            segment.write(b'{"key": "torn", "rec')  # what a kill within a write leaves
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == f"done {PAGES * ROWS - (PAGES - 1)}"
    found = journal.follow(source(), settings, nothing_new)
    wanted = {f"{p}-{r}" for p in range(PAGES) for r in range(ROWS)} - {f"{p}-0" for p in range(PAGES - 1)}
    assert set(found) == wanted
    numbers = [int(line) for line in asked.read_text().split()]
    assert set(numbers) == set(range(PAGES)) and len(numbers) <= PAGES + 2  # a kill costs one page asked twice
    rows = b"".join(p.read_bytes() for p in (settings.home / "raw" / "desk").glob("segment-*.jsonl")).splitlines()
    assert len(rows) == PAGES * ROWS + PAGES - 1 and all(map(json.loads, rows))


def test_the_latest_record_counts_and_a_deleted_one_is_gone(settings):
    journal.follow(source(), settings, one_page(Change("a", {"v": 1}), Change("b", {"v": 1})))
    found = journal.follow(source(), settings, one_page(Change("a", {"v": 2}), Change("b", None), cursor={"at": 2}))
    assert found == {"a": {"v": 2}}
    assert journal.keys(source(), settings) == {"a"}


def test_a_page_that_fails_leaves_the_ones_before_it(settings):
    def broken(_):
        yield Page((Change("a", {"v": 1}),), {"at": 1})
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError):
        journal.follow(source(), settings, broken)
    seen = []

    def resumed(cursor):
        seen.append(cursor)
        yield Page((Change("b", {"v": 1}),), {"at": 2})

    assert set(journal.follow(source(), settings, resumed)) == {"a", "b"}
    assert seen == [{"at": 1}]


def test_only_the_owner_may_read_the_raw_area(settings):
    journal.follow(source(), settings, one_page(Change("a", {"v": 1})))
    area = settings.home / "raw"
    assert {p.stat().st_mode & 0o777 for p in [area, *area.rglob("*")] if p.is_dir()} == {0o700}
    assert {p.stat().st_mode & 0o777 for p in area.rglob("*") if p.is_file()} == {0o600}


@pytest.mark.parametrize("changed", [{"query": "select 2"}, {"url": "sqlite:///b.db"}])
def test_another_source_under_the_same_name_begins_anew(settings, changed):
    journal.follow(source(), settings, one_page(Change("a", {"v": 1})))
    assert journal.follow(source(**changed), settings, one_page(Change("b", {"v": 1}))) == {"b": {"v": 1}}


def test_other_columns_are_the_same_source_read_in_another_way(settings):
    journal.follow(source(), settings, one_page(Change("a", {"v": 1})))
    assert journal.follow(source(columns={"text": "v"}), settings, nothing_new) == {"a": {"v": 1}}


def test_reset_and_an_ended_time_to_live_ask_for_everything(settings, monkeypatch):
    journal.follow(source(), settings, one_page(Change("a", {"v": 1})))
    journal.reset(source(), settings)
    assert journal.follow(source(), settings, one_page(Change("b", {"v": 1}))) == {"b": {"v": 1}}
    state = settings.home / "raw" / "desk" / "state.json"
    old = json.loads(state.read_text())
    state.write_text(json.dumps({**old, "began": old["began"] - 366 * 86_400}))
    assert journal.follow(source(), settings, one_page(Change("c", {"v": 1}))) == {"c": {"v": 1}}
    assert b'"b"' not in b"".join(p.read_bytes() for p in state.parent.glob("segment-*"))


def test_a_state_or_segment_that_is_damaged_is_read_from_the_source_again(settings, caplog):
    for break_it in (lambda f: (f / "state.json").write_text("{"), lambda f: next(f.glob("seg*")).write_text("")):
        journal.follow(source(), settings, one_page(Change("a", {"v": 1})))
        break_it(settings.home / "raw" / "desk")
        assert journal.follow(source(), settings, one_page(Change("b", {"v": 1}))) == {"b": {"v": 1}}
        journal.reset(source(), settings)


def test_superseded_rows_are_let_go(settings, monkeypatch):
    monkeypatch.setattr(journal, "SUPERSEDED", 10)
    for number in range(30):
        journal.follow(source(), settings, one_page(Change("a", {"v": number}), cursor={"at": number}))
    folder = settings.home / "raw" / "desk"
    assert sum(len(p.read_bytes().splitlines()) for p in folder.glob("segment-*")) <= 12
    assert journal.follow(source(), settings, nothing_new) == {"a": {"v": 29}}


def test_the_fingerprint_follows_the_records_and_one_run_asks_once(settings):
    asked = []

    def pages(cursor):
        asked.append(cursor)
        yield Page((Change("a", {"v": 1}),), {"at": 1})

    first = journal.fingerprint(source(), settings, pages)
    assert journal.follow(source(), settings, pages) == {"a": {"v": 1}}
    assert len(asked) == 1
    assert journal.fingerprint(source(), settings, pages) == first  # taken again, but the same
    assert journal.fingerprint(source(), settings, one_page(Change("a", {"v": 2}))) != first


def test_a_preview_sees_what_is_new_and_writes_nothing(settings):
    journal.follow(source(), settings, one_page(Change("a", {"v": 1})))
    before = {p: p.read_bytes() for p in Path(settings.home).rglob("*") if p.is_file()}
    with journal.preview():
        found = journal.follow(source(), settings, one_page(Change("b", {"v": 1}), cursor={"at": 9}))
    assert set(found) == {"a", "b"}
    assert before == {p: p.read_bytes() for p in Path(settings.home).rglob("*") if p.is_file()}


def test_a_person_on_the_erasure_list_is_taken_out_and_never_written_again(settings):
    ann = {"from": "Ann@Mail.example", "text": "hello"}
    told = {"text": "please write to ann@mail.example instead"}
    journal.follow(source(), settings, one_page(Change("a", ann), Change("b", told), Change("c", {"text": "hi"})))
    listed = erased.Erased.load(settings)
    listed.add([customer_hash("ann@mail.example", settings)])
    listed = erased.Erased.load(settings)
    assert journal.count(source(), settings, listed.in_raw) == 2
    assert journal.remove(source(), settings, listed.in_raw) == 2
    found = journal.follow(source(), settings, one_page(Change("d", ann), cursor={"at": 2}))
    assert set(found) == {"c"} and len(journal.erased(source(), settings)) == 3
    journal.follow(source(), settings, one_page(Change("d", None), cursor={"at": 3}))
    assert len(journal.erased(source(), settings)) == 2  # deleted at the source as well
    folder = settings.home / "raw" / "desk"
    assert b"ann@" not in b"".join(p.read_bytes().lower() for p in folder.iterdir())


@pytest.mark.parametrize(
    ("record", "theirs"),
    [
        ({"id": 1, "customer_id": 12, "text": "hi"}, True),
        ({"id": 1, "requester": {"id": 12, "age": 40}}, True),
        ({"klantcode": 12, "text": "hi"}, True),
        ({"endUser": {"id": "12"}}, True),
        ({"messages": [{"sender_type": "Contact", "sender_id": 12}]}, True),
        ({"messages": [{"sender_type": "User", "sender_id": 12, "sender": {"id": 12, "type": "user"}}]}, False),
        ({"id": 1, "account_id": 12, "meta": {"sender": {"id": 7}}}, False),
        ({"id": 12, "quantity": 12, "text": "12"}, False),
        ({"customer": {"id": 7, "orders": 12}}, False),
        ({"user_count": 12, "note": {"lines": [12, "12"]}}, False),
    ],
)
def test_a_customer_number_is_looked_for_where_a_person_stands_and_nowhere_else(settings, record, theirs):
    listed = erased.Erased(frozenset([customer_hash("12", settings)]), settings)
    assert listed.in_raw(record, frozenset(["klantcode"])) is theirs


@pytest.mark.parametrize(
    ("who", "theirs", "others"),
    [
        ("1200", {"customer_id": "1200"}, {"customer_id": "7", "quantity": "1200", "price": "1 200"}),
        ("Paris", {"displayName": "paris"}, {"customer_name": "Ann", "city": "Paris", "tags": ["paris"]}),
    ],
)
def test_a_code_or_single_word_takes_nobody_elses_row(settings, who, theirs, others):
    listed = erased.Erased(frozenset([customer_hash(who, settings)]), settings)
    journal.follow(source(), settings, one_page(Change("a", theirs), Change("b", others)))
    assert journal.remove(source(), settings, listed.in_raw) == 1
    assert journal.follow(source(), settings, nothing_new) == {"b": others}


def test_a_name_or_address_is_found_under_any_key(settings):
    hashes = frozenset(customer_hash(who, settings) for who in ("Ann Visser", "ann@mail.example"))
    listed = erased.Erased(hashes, settings)
    found = ({"custom": "ann visser"}, {"fields": [{"value": "ANN@mail.example"}]}, {"t": "by ann@mail.example."})
    for record in found:
        assert listed.in_raw(record)
    assert not listed.in_raw({"custom": "Ann Visserman", "t": "ann@mail.example.org"})
