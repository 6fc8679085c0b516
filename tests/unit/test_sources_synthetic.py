"""Grown messages are marked, traceable, varied and repeatable."""

import json

import pytest

from deskloop import sources
from deskloop.errors import BadInput
from deskloop.settings import FilesSource, Settings, SyntheticSource
from deskloop.sources.synthetic import grow


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "m.jsonl"
    rows = [
        {"id": "a", "text": "Where is my order LF-123456?", "intent": "track_order", "reply": "On its way"},
        {"id": "b", "text": "Can I return these boots, please?", "intent": "return_item"},
        {"id": "c", "text": "No label here at all"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    real = FilesSource(kind="files", name="real", path=path, content="messages")
    grown = SyntheticSource(kind="synthetic", name="grown", grow="real", per_core=4)
    return Settings(home=tmp_path, sources=(real, grown))


def test_each_labelled_core_grows_and_is_remembered(settings):
    batch = sources.read(settings.sources[1], settings)
    assert {(c.core_id, c.intent) for c in batch.conversations} == {("a", "track_order"), ("b", "return_item")}
    assert all(c.synthetic for c in batch.conversations)
    assert len(batch.conversations) == 8


def test_the_same_seed_grows_the_same(settings):
    once, twice = (sources.read(settings.sources[1], settings).conversations for _ in range(2))
    assert once == twice
    assert grow("Where is my parcel, please?", 5, "1") != grow("Where is my parcel, please?", 5, "2")


def test_variants_differ_from_the_core_and_from_each_other():
    variants = grow("Can I return the damaged jacket I bought on Monday?", 20, "x")
    assert len({v.lower() for v in variants}) == 20
    assert "Can I return the damaged jacket I bought on Monday?" not in variants


def test_the_fingerprint_is_that_of_the_grown_source(settings):
    first = sources.fingerprint(settings.sources[1], settings)
    path = settings.sources[0].path
    path.write_text(path.read_text() + "\n" + json.dumps({"text": "One more question", "intent": "x"}))
    assert first != sources.fingerprint(settings.sources[1], settings)


def test_nothing_labelled_is_told(settings):
    settings.sources[0].path.write_text('{"text": "No label here"}')
    with pytest.raises(BadInput, match="no labelled messages"):
        sources.read(settings.sources[1], settings)
