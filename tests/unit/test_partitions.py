"""Partitions give what one pass gives, whatever their number, and hold one partition in memory at a time."""

import json

import pandas as pd
import pytest

from deskloop import sources
from deskloop.entries import Known
from deskloop.origins import FilesSource, SyntheticSource
from deskloop.partitions import clean_part, collect
from deskloop.prepare import prepare
from deskloop.settings import Settings
from deskloop.sources.batch import Batch

ASKS = [
    "Where is the {} I paid for on {}",
    "May I return my {} to the shop in {}",
    "The {} came torn from {}, what now",
]
TOPICS = "tent stove boots jacket rope lamp bag mat pole cap".split()
FRAMES = ("conversations", "messages", "knowledge")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    rows = [
        {
            "id": f"c{i % 190}",
            "text": ASKS[i % 3].format(TOPICS[i % 10], f"street {TOPICS[i // 30]}" if i % 4 else "Ghent"),
            "reply": "We look into it for you." if i % 2 else "",
            "at": f"2025-{1 + i // 28:02d}-{1 + i % 28:02d}",
            "customer": f"p{i % 40}",
            "intent": "x",
        }
        for i in range(200)
    ]
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\nbroken")
    return Settings(
        home=folder / "home",
        sources=(
            FilesSource(kind="files", name="chats", path=folder / "c.jsonl", content="messages"),
            SyntheticSource(kind="synthetic", name="grown", grow="chats", per_core=1),
        ),
    )


@pytest.fixture(scope="module")
def batches(settings):
    return [sources.read(s, settings) for s in settings.sources]


def in_parts(batches, rows, settings, folder, times=1):
    """The final tables and counts of the batches' rows, cleaned in partitions of so many."""
    known = Known.of((e for b in batches for e in b.knowledge), settings)
    parts = []
    for number, piece in enumerate(p for b in batches for p in b.parts(rows)):
        parts.append(folder / f"part-{number}")
        parts[-1].mkdir(parents=True)
        for _ in range(times):
            clean_part([piece], known, settings, parts[-1])
    counts = collect(parts, known, settings, folder)
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in FRAMES}, counts


@pytest.mark.parametrize("rows", [37, 100, 1000])
def test_partitions_give_what_one_pass_gives(settings, batches, tmp_path, rows):
    whole = prepare(batches, settings)
    found, counts = in_parts(batches, rows, settings, tmp_path)
    assert counts == whole.counts
    assert counts["read"] == counts["accepted"] + counts["quarantined"]
    for name, frame in found.items():
        pd.testing.assert_frame_equal(frame, getattr(whole, name))


def test_an_id_that_comes_back_in_another_partition_takes_its_source_in_front(settings, batches, tmp_path):
    found, _ = in_parts(batches, 50, settings, tmp_path)
    ids = found["conversations"]["id"]
    assert ids.is_unique and [i for i in ids if i.startswith("chats:c")]
    assert set(found["messages"]["conversation_id"]) <= set(ids)


def test_a_partition_done_twice_changes_nothing(settings, batches, tmp_path):
    once, counts = in_parts(batches, 50, settings, tmp_path / "once")
    twice, again = in_parts(batches, 50, settings, tmp_path / "twice", times=2)
    assert counts == again
    pd.testing.assert_frame_equal(once["messages"], twice["messages"])


def test_a_batch_in_parts_is_the_batch(batches):
    for batch in batches:
        pieces = list(batch.parts(7))
        assert len(pieces) > 1 and max(len(p.conversations) for p in pieces) == 7
        assert sum(p.read for p in pieces) == batch.read
        assert Batch.joined(pieces) == batch
