"""Near-duplicates are found exactly as a comparison of all pairs would."""

import random

from deskloop.dedup import near_duplicates, shingles


def test_the_first_of_alike_texts_is_kept():
    texts = ["Where is my order 123?", "How do I return it?", "where is my order 99", "WHERE IS MY ORDER 123"]
    assert near_duplicates(texts, 0.9).tolist() == [0, 1, 0, 0]


def test_no_pair_is_missed_and_none_invented():
    chance = random.Random(3)
    vocabulary = [f"w{i}" for i in range(30)]
    texts = [" ".join(chance.choices(vocabulary, k=chance.randint(0, 14))) for _ in range(150)]
    texts += [" ".join(t.split()[:-1]) for t in texts]
    sets = [shingles(t) for t in texts]
    for threshold in (0.6, 0.8, 0.95):
        kept: list[int] = []
        wanted = []
        for at, mine in enumerate(sets):
            alike = (k for k in kept if len(mine & sets[k]) >= threshold * len(mine | sets[k]) - 1e-9)
            first = next(alike, None)
            if first is None:
                kept.append(at)
            wanted.append(at if first is None else first)
        assert near_duplicates(texts, threshold).tolist() == wanted
