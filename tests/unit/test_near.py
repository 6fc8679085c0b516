"""Beyond so many vectors search is approximate, finds the same, and goes on exactly where the extra is missing."""

import sys

import numpy as np
import pytest

from deskloop.features import fusion
from deskloop.features.index import SearchIndex
from deskloop.features.near import Near
from deskloop.features.signals import LIKELY, Matcher
from deskloop.features.tiny import TinyEncoder
from deskloop.records import KnowledgeEntry

NOUNS = (
    "tent stove boot jacket rope lamp bag mat pole cap knife map flask towel sock glove belt scarf torch hook".split()
)
ASKS = ["may i return a {} {}", "where is the {} {} i ordered", "how do i clean a {} {}", "is the {} {} in stock"]
ENTRIES = [
    KnowledgeEntry(id=f"k{i}", question=ask.format(colour, noun), answer=f"The {colour} {noun}: {i}.", source="faq")
    for i, (ask, noun, colour) in enumerate(
        (ask, noun, colour) for ask in ASKS for noun in NOUNS for colour in "red blue green grey black white".split()
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def both():
    pytest.importorskip("faiss")
    encoder = TinyEncoder()
    parts = [(e.question, e.answer, ()) for e in ENTRIES]
    made = [Matcher.build(parts, encoder, most) for most in (10_000, 100)]
    assert made[0].near is None and made[1].near is not None
    return [SearchIndex(tuple(ENTRIES), matcher, fusion.PLAIN, encoder) for matcher in made]


def test_it_finds_what_the_exact_search_finds_with_the_same_scores(both):
    assert len(ENTRIES) > LIKELY
    queries = [f"please {e.question} now" for e in ENTRIES[::7]]
    exact, near = (index.search_many(queries, 3) for index in both)
    same = [a[0].id == b[0].id for a, b in zip(exact, near, strict=True)]
    assert np.mean(same) >= 0.99
    for a, b in zip(exact, near, strict=True):
        if a[0].id == b[0].id:
            assert a[0].score == pytest.approx(b[0].score, abs=1e-4)


def test_it_survives_being_saved(both, tmp_path):
    both[1].save(tmp_path)
    again = SearchIndex.load(tmp_path, TinyEncoder())
    assert again.matcher.near is not None
    assert [s.id for s in again.search("how do i clean a green tent")] == [
        s.id for s in both[1].search("how do i clean a green tent")
    ]


def test_without_the_extra_search_stays_exact_and_says_so(both, tmp_path, monkeypatch, caplog):
    both[1].save(tmp_path)
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert SearchIndex.load(tmp_path, TinyEncoder()).search("may i return a red tent")[0].id == "k0"
    assert Near.of(np.eye(200, dtype=np.float32), 100) is None
    assert caplog.text.count("pip install 'deskloop[ann]'") == 2


def test_near_rows_come_nearest_first():
    pytest.importorskip("faiss")
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((3000, 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = Near.of(rows, 1000).search(rows[:50], 5)
    assert [int(r[0]) for r in found] == list(range(50))
