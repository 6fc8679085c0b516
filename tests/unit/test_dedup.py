"""Near-duplicates are found as a comparison of all pairs would, but for very few right at the threshold."""

import random
from itertools import pairwise

import pytest

from deskloop import minhash
from deskloop.bench import dedup as bench
from deskloop.dedup import near_duplicates
from deskloop.text.tokens import words


def shingles(text):
    tokens = ["0" if w.isdigit() else w for w in words(text)]
    return frozenset(tokens) | {f"{a} {b}" for a, b in pairwise(tokens)}


def test_the_first_of_alike_texts_is_kept():
    texts = ["Where is my order 123?", "How do I return it?", "where is my order 99", "WHERE IS MY ORDER 123"]
    assert near_duplicates(texts, 0.9).tolist() == [0, 1, 0, 0]


def test_texts_without_a_word_are_alike_and_no_text_is_fine():
    assert near_duplicates(["?", "hello there", "!"], 0.9).tolist() == [0, 1, 0]
    assert near_duplicates([], 0.9).tolist() == []


def test_no_pair_is_invented_and_hardly_one_missed():
    chance = random.Random(3)
    vocabulary = [f"w{i}" for i in range(30)]
    texts = [" ".join(chance.choices(vocabulary, k=chance.randint(0, 14))) for _ in range(400)]
    texts += [" ".join(t.split()[:-1]) for t in texts]
    sets = [shingles(t) for t in texts]
    for threshold in (0.6, 0.8, 0.95):
        found = near_duplicates(texts, threshold)
        alike = [len(sets[at] & sets[k]) >= threshold * len(sets[at] | sets[k]) for at, k in enumerate(found)]
        assert all(same or at == k for at, (k, same) in enumerate(zip(found, alike, strict=True)))
        repeats = [
            any(len(mine & s) >= threshold * len(mine | s) and len(mine | s) for s in sets[:at])
            for at, mine in enumerate(sets)
        ]
        joined = sum(int(k) != at for at, k in enumerate(found))
        assert joined >= 0.97 * sum(repeats)


@pytest.mark.parametrize("threshold", [0.55, 0.7, 0.9, 1.0])
def test_the_buckets_shape_promises_its_recall(threshold):
    bands, width = minhash.shape(threshold)
    assert bands * width <= 128
    assert (1 - threshold**width) ** bands <= 0.01


def test_the_bench_sees_both_sides_find_the_same():
    pytest.importorskip("datasketch")
    figures = bench.run(rows=600)
    assert figures["deskloop"]["recall"] >= figures["datasketch"]["recall"] - 0.01
    assert figures["deskloop"]["recall"] > 0.95
