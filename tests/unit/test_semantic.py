"""Questions in other words are one; questions with other facts stay two, however near their vectors."""

import json

import numpy as np
import pytest

from deskloop import semantic, sources
from deskloop.features.tiny import TinyEncoder
from deskloop.origins import FilesSource
from deskloop.prepare import prepare
from deskloop.settings import Model, Preprocess, Settings


class Held:
    def __init__(self, vectors):
        self.vectors = vectors

    def take(self, rows):
        return self.vectors[rows]


def near(vector, cosine, rng):
    other = rng.standard_normal(len(vector))
    other -= (other @ vector) * vector
    return cosine * vector + np.sqrt(1 - cosine**2) * other / np.linalg.norm(other)


def test_rows_near_each_other_are_found_and_others_are_not():
    rng = np.random.default_rng(1)
    base = rng.standard_normal((300, 384))
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    again = np.array([near(row, 0.97, rng) for row in base])
    apart = np.array([near(row, 0.8, rng) for row in base])
    rows = np.concatenate([base, again, apart]).astype(np.float32)
    found = semantic.first_of_each(Held(rows), semantic.bucket_keys(rows), [0] * 900, 0.95)
    assert (found[:300] == np.arange(300)).all() and (found[600:] == np.arange(600, 900)).all()
    assert (found[300:600] == np.arange(300)).mean() > 0.98


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Can I return it within 30 days?", "Can I return it within 60 days?"),
        ("Does the tent come with pegs?", "Does the tent not come with pegs?"),
        ("Is the coat by Fjell in stock?", "Is the coat by Nordur in stock?"),
        ("It costs 20 euros, right?", "It costs 25 euros, right?"),
    ],
)
def test_other_facts_never_agree(one, other):
    assert semantic.must_agree(one, None) != semantic.must_agree(other, None)


def test_other_words_agree_unless_the_labels_differ():
    one, other = "How long does delivery take?", "When will the parcel be here?"
    assert semantic.must_agree(one, "delivery") == semantic.must_agree(other, "delivery")
    assert semantic.must_agree(one, "delivery") != semantic.must_agree(other, "tracking")


@pytest.fixture
def settings(tmp_path):
    encoder = tmp_path / "encoder"
    TinyEncoder().save(encoder)
    asked = [
        ("a", "where is the tent i ordered last week", ""),
        ("b", "where is the tent i ordered last week please", "It is on its way, see the tracking page."),
        ("c", "may i return a stove that i have used once", ""),
        ("d", "where is the tent i ordered last week, order 50 or 51", ""),
    ]
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(json.dumps({"id": i, "text": t, "reply": r}) for i, t, r in asked))
    source = FilesSource(kind="files", name="s", path=path, content="messages")
    return Settings(
        home=tmp_path / "home",
        sources=(source,),
        model=Model(encoder=str(encoder)),
        preprocess=Preprocess(near_duplicate=1.0, semantic_duplicates=0.9),
    )


def test_the_best_answered_of_two_stays_and_the_other_is_set_aside_with_its_reason(settings):
    found = prepare([sources.read(settings.sources[0], settings)], settings)
    assert set(found.messages["conversation_id"]) == {"b", "c", "d"}
    assert found.counts["reasons"] == {"semantic-duplicate": 1}
    off = settings.model_copy(update={"preprocess": Preprocess(near_duplicate=1.0)})
    assert len(prepare([sources.read(off.sources[0], off)], off).messages) == 4
