"""Partitions give what one pass gives, whatever their number."""

import json

import pandas as pd
import pytest

from deskloop import sources
from deskloop.partitions import prepare_parts, save_parts
from deskloop.prepare import prepare
from deskloop.settings import FilesSource, Settings, SyntheticSource
from deskloop.sources.batch import Batch

ASKS = [
    "Where is the {} I paid for on {}",
    "May I return my {} to the shop in {}",
    "The {} came torn from {}, what now",
]
TOPICS = "tent stove boots jacket rope lamp bag mat pole cap".split()


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    rows = [
        {
            "id": f"c{i}",
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


def one_by_one(function, arguments):
    return [function(*a) for a in arguments]


def cut(batch, rows):
    """The same batch in pieces; what was quarantined goes with the first."""
    for at in range(0, len(batch.conversations), rows):
        some = batch.conversations[at : at + rows]
        refused = [] if at else batch.quarantined
        yield Batch(some, [] if at else batch.knowledge, refused, len(some) + len(refused))


@pytest.mark.parametrize("rows", [37, 1000])
def test_partitions_decide_as_one_pass_does(settings, batches, tmp_path, rows):
    whole = prepare(batches, settings)
    parts = save_parts((piece for b in batches for piece in cut(b, rows)), tmp_path)
    counts = prepare_parts(parts, settings, one_by_one)
    assert counts["read"] == whole.counts["read"] == counts["accepted"] + counts["quarantined"]
    assert counts["reasons"] == whole.counts["reasons"]
    for name in ("conversations", "messages"):
        found = pd.concat([pd.read_parquet(p / f"{name}.parquet") for p in parts])
        wanted = getattr(whole, name)
        assert len(found) == len(wanted)
        pairs = found.set_index("id")["split"].to_dict()
        assert pairs == wanted.set_index("id")["split"].to_dict()


def test_a_partition_done_twice_changes_nothing(settings, batches, tmp_path):
    parts = save_parts((piece for b in batches for piece in cut(b, 50)), tmp_path)

    def twice(function, arguments):
        for a in arguments[:2]:
            function(*a)
        return one_by_one(function, arguments)

    first = prepare_parts(parts, settings, one_by_one)
    assert prepare_parts(parts, settings, twice) == first
