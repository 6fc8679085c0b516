"""Broken files by the hundred, made from a seed: none stops the reading, and what is whole is still taken.

A process of its own reads them in limited memory; one that does not answer in SECONDS is ended, and the case failed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import selectors
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).with_name("broken")
_spec = importlib.util.spec_from_file_location(
    "broken", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
)
broken = importlib.util.module_from_spec(_spec)
sys.modules["broken"] = broken
_spec.loader.exec_module(broken)
chance, huge, rows = (importlib.import_module(f"broken.{name}") for name in ("chance", "huge", "rows"))

pytestmark = pytest.mark.corpus
SECONDS = 20.0  # until the reading process is killed
GROWTH = 100_000_000  # bytes, the most that a small file may cost
HEAVY = 300_000_000  # the same of a file of many megabytes
LIGHT = broken.light()


class Reader:
    """The reading process, started anew after one was ended."""

    def __init__(self) -> None:
        self.process = None

    def read(self, source: dict, home: Path) -> dict:
        """What the process tells of this source. Fails the test if it dies or does not answer in time."""
        if self.process is None:
            self.start()
        self.process.stdin.write(json.dumps({"source": source, "home": str(home)}) + "\n")
        self.process.stdin.flush()
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            answered = bool(ready.select(SECONDS))
        line = self.process.stdout.readline() if answered else ""
        if not line:
            self.end()
            pytest.fail("the reading process died" if answered else f"no answer in {SECONDS} s")
        return json.loads(line)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, FOLDER / "reader.py"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def end(self) -> None:
        if self.process:
            self.process.kill()
            self.process.communicate()
        self.process = None


@pytest.fixture(scope="module")
def reader():
    started = Reader()
    yield started
    started.end()


def source(case, path):
    if case.source:
        return {**case.source, "name": "broken", "path": str(path)}
    if case.form in ("mbox", "eml", "msg"):
        return {"kind": "mail", "name": "broken", "path": str(path), "own_addresses": [rows.DESK]}
    content = {
        "md": "knowledge",
        "yaml": "knowledge",
        "nlu.yml": "rasa_nlu",
        "domain.yml": "rasa_domain",
        "turns.csv": "conversations",
    }.get(case.form, "messages")
    return {"kind": "files", "name": "broken", "path": str(path), "content": content}


def held(reader, case, folder, growth=GROWTH):
    """Write the case, read it, and hold it to what it states."""
    folder.mkdir()
    for name, data in case.make().items():
        (folder / name).write_bytes(data)
    path = folder if case.folder or len(list(folder.iterdir())) > 1 else next(folder.iterdir())
    told = reader.read(source(case, path), folder.parent / "home")
    shutil.rmtree(folder)
    assert "crash" not in told
    assert "\n" not in told.get("refused", "")
    assert "refused" in told or told["read"] == told["accepted"] + told["quarantined"]
    assert told["good"] >= case.least, told
    if case.told and told["good"] < case.whole:
        assert told.get("refused") or told["reasons"], "rows are missing and nothing says so"
    assert told["grown"] < growth
    return told


def test_the_corpus_is_large():
    assert len(LIGHT) >= 300 and len({case.name for case in LIGHT}) == len(LIGHT)


@pytest.mark.parametrize("case", LIGHT, ids=lambda case: case.name)
def test_a_spoilt_file_gives_what_is_whole(case, reader, tmp_path):
    held(reader, case, tmp_path / "spoilt")


@pytest.mark.parametrize("case", list(huge.heavy()), ids=lambda case: case.name)
def test_what_is_huge_ends_in_a_reason_not_in_the_memory(case, reader, tmp_path):
    held(reader, case, tmp_path / "spoilt", HEAVY)


def knowledge_of(path):
    return {"kind": "files", "name": "broken", "path": str(path), "content": "messages"}


def whole(path, numbers):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\n".join(map(rows.jsonl, numbers)))


def test_names_and_links_lead_nowhere_else(reader, tmp_path):
    folder = tmp_path / "exports"
    whole(folder / "a.jsonl", range(2))
    whole(tmp_path / "outside" / "secret.jsonl", range(10, 12))
    names = [b"a..%2f..%2fetc%2fpasswd.jsonl", b"new\nline.jsonl", b"=cmd|calc.jsonl", b"-rf.jsonl",
             b"\xff\xfe.jsonl", b"x" * 240 + b".jsonl"]  # fmt: skip
    for number, name in enumerate(names, 2):
        target = os.fsencode(folder) + b"/" + name
        Path(os.fsdecode(target)).write_bytes(rows.jsonl(number) + b"\n{broken\n")
    (folder / "outside").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder)
    (folder / "gone.jsonl").symlink_to(folder / "nothing.jsonl")
    (folder / "itself.jsonl").symlink_to(folder / "itself.jsonl")
    (folder / "folder.jsonl").mkdir()
    os.mkfifo(folder / "pipe.jsonl")
    told = reader.read(knowledge_of(folder), tmp_path / "home")
    assert (told["good"], told["quarantined"], told["read"]) == (8, 6, 14)


@pytest.mark.parametrize("trick", ["pipe", "device", "loop", "nul", "long", "up"])
def test_a_path_that_is_no_file_is_refused_at_once(trick, reader, tmp_path):
    path = tmp_path / "x.jsonl"
    if trick == "pipe":
        os.mkfifo(path)
    if trick == "loop":
        path.symlink_to(path)
    path = {"device": "/dev/zero", "nul": "x\x00.jsonl", "long": "x" * 5_000, "up": "../" * 500 + "x"}.get(
        trick, path
    )
    for source in (knowledge_of(path), {"kind": "mail", "name": "broken", "path": str(path)}):
        told = reader.read(source, tmp_path / "home")
        assert "\n" not in told["refused"] and told["seconds"] < 1


def test_what_is_not_read_in_a_folder_is_told(reader, tmp_path):
    whole(tmp_path / "mixed" / "a.jsonl", range(3))
    (tmp_path / "mixed" / "notes.docx").write_bytes(b"PK")
    (tmp_path / "mixed" / ".DS_Store").write_bytes(b"x")
    told = reader.read(knowledge_of(tmp_path / "mixed"), tmp_path / "home")
    assert (told["good"], told["reasons"]) == (3, ["not a form of file that is read"])


@pytest.mark.parametrize("case", list(chance.cases(10)), ids=lambda case: case.name)
def test_chance_damage_ends_in_counts_that_add_up(case, reader, tmp_path):
    held(reader, case, tmp_path / "spoilt")
