"""Intents: right on what was taught, calibrated, aware of what is strange, and equal after a round trip."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest

from deskloop.bench import intents as bench
from deskloop.errors import BadInput
from deskloop.features.blocks import Featurizer
from deskloop.features.tfidf import Tfidf
from deskloop.features.tiny import TinyEncoder
from deskloop.features.word2vec import WordVectors
from deskloop.intents import OUT_OF_SCOPE, IntentModel, Labelled, rarity
from deskloop.scope import Scope
from deskloop.settings import Features, Settings

OPENERS = ["hi,", "hello, please", "quick question:", "so", "sorry,", "urgent:", "well,", "dear team,"]
ASKED = {
    "parcel": ["where is my parcel", "my parcel has not arrived", "the courier lost my parcel", "track my delivery"],
    "refund": [
        "I want my money back",
        "refund me for the shoes",
        "when do I get the refund",
        "money not returned yet",
    ],
    "card": ["can I pay with a gift card", "my gift card does not work", "gift card balance", "redeem a voucher"],
}
ROWS = [(f"{o} {t}", name) for name, texts in ASKED.items() for o, t in product(OPENERS, texts)]
TEXTS, LABELS = [t for t, _ in ROWS], [n for _, n in ROWS]
STRANGE = ["recite a poem of roses", "who won yesterday's football", "zqx vvw kjh", "boil eggs seven minutes"]


@pytest.fixture(scope="module")
def features():
    return Featurizer(Tfidf.fit(TEXTS), WordVectors.train(TEXTS, epochs=2), TinyEncoder(dimension=64))


@pytest.fixture(scope="module")
def model(features):
    return IntentModel.fit(TEXTS, LABELS, features)


def test_new_wordings_and_typos_get_their_intent(model):
    asked = ["has my parcle arrived", "please refund the shoes", "pay by giftcard"]
    assert [p.intent for p in model.predict(asked)] == ["parcel", "refund", "card"]


def test_strange_messages_score_below_those_it_knows(model):
    known = [p.scope for p in model.predict(["my parcel is lost", "refund my money", "gift card balance please"])]
    strange = [p.scope for p in model.predict(STRANGE)]
    assert max(strange) < min(known)
    assert max(strange) < 0.05


def test_confidence_is_a_probability_and_sums_to_one(model):
    shares, scope = model.scores(TEXTS + STRANGE)
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(shares)), abs=1e-5)
    assert ((scope >= 0) & (scope <= 1)).all()


def test_the_same_rows_give_the_same_model(features, model):
    again = IntentModel.fit(TEXTS, LABELS, features)
    assert again.predict(TEXTS[:9]) == model.predict(TEXTS[:9])


def test_a_saved_model_says_what_it_said_before(model, tmp_path):
    model.save(tmp_path)
    loaded = IntentModel.load(tmp_path, model.features.encoder)
    before, after = model.scores(TEXTS + STRANGE), loaded.scores(TEXTS + STRANGE)
    assert np.array_equal(before[0], after[0])
    assert after[1] == pytest.approx(before[1], abs=0.01)


@pytest.mark.parametrize("off", ["tfidf", "word2vec", "encoder"])
def test_each_block_can_be_switched_off(features, off, tmp_path):
    parts = {"tfidf": features.tfidf, "word2vec": features.word2vec, "encoder": features.encoder}
    model = IntentModel.fit(TEXTS, LABELS, Featurizer(**{**parts, off: None}))
    model.save(tmp_path)
    loaded = IntentModel.load(tmp_path, features.encoder)
    assert loaded.predict(["where is my parcel"])[0].intent == "parcel"


def test_vectors_made_before_give_the_same(features, model):
    given = model.scores(TEXTS, vectors=features.encoder.encode(TEXTS))
    assert np.allclose(given[0], model.scores(TEXTS)[0], atol=1e-5)


def test_messages_labelled_out_of_scope_are_a_label_of_their_own(features):
    strange = [f"{o} {s}" for o, s in product(OPENERS, STRANGE)]
    model = IntentModel.fit(TEXTS + strange, LABELS + [OUT_OF_SCOPE] * len(strange), features)
    told = model.predict(["recite another poem", "where is my parcel"])
    assert [p.intent for p in told] == [OUT_OF_SCOPE, "parcel"]
    assert told[0].scope < told[1].scope


def test_the_turn_before_decides_where_the_message_alone_cannot(features):
    asked = ["shall I track the parcel", "shall I refund the shoes"] * 20
    model = IntentModel.fit(["yes please"] * 40, ["parcel", "refund"] * 20, features, previous=asked)
    told = model.predict(["yes please", "yes please"], previous=asked[:2])
    assert [p.intent for p in told] == ["parcel", "refund"]


def test_calibration_uses_the_validation_rows(features):
    shuffled = list(np.random.default_rng(0).permutation(LABELS))
    calm = IntentModel.fit(TEXTS, LABELS, features, validation=Labelled(TEXTS, LABELS))
    humble = IntentModel.fit(TEXTS, LABELS, features, validation=Labelled(TEXTS, shuffled))
    assert calm.mix[0] > 3 * humble.mix[0]
    assert humble.predict(["my parcel"])[0].confidence < calm.predict(["my parcel"])[0].confidence


def test_rare_classes_get_a_little_back_and_equal_ones_nothing():
    assert rarity(np.array([0, 0, 1, 1]), 2).tolist() == [0, 0]
    common, rare, rarest = rarity(np.repeat([0, 1, 2], [900, 90, 1]), 3)
    assert common == 0 < rare < 0.2 < 1 < rarest < np.log(900)


def test_labels_of_validation_that_training_lacks_are_left_out(features):
    held = Labelled([*TEXTS, "sing"], [*LABELS, "music"])
    assert IntentModel.fit(TEXTS, LABELS, features, validation=held).labels == ("card", "parcel", "refund")


def test_a_single_label_is_refused_in_one_line(features):
    with pytest.raises(BadInput, match="at least two labels"):
        IntentModel.fit(["a", "b"], ["x", "x"], features)


def test_scope_is_the_share_of_known_messages_that_look_stranger():
    signals = np.column_stack([np.arange(1000.0), np.zeros(1000), np.zeros(1000)])
    scope = Scope.fit(signals)
    told = scope.of(np.array([[500.0, 0, 0], [50.0, 0, 0], [-500.0, 0, 0], [-900.0, 0, 0]]))
    assert told[:2] == pytest.approx([0.5, 0.05], abs=0.01)
    assert told[3] < told[2] < 0.003


def test_bench_reports_every_figure_of_the_contract(tmp_path):
    for name, rows in (("train", ROWS), ("test", ROWS[::3] + [(s, "oos") for s in STRANGE])):
        lines = [json.dumps({"text": text, "intent": intent}) for text, intent in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    settings = Settings(features=Features(sentence=False))
    told = bench.run(tmp_path / "train.jsonl", tmp_path / "test.jsonl", settings)
    assert told["accuracy"] == 1.0
    assert told["oos_auroc"] > 0.9
    wanted = "macro_precision macro_recall macro_f1 micro_f1 oos_recall_at_95_in_scope ece fit_seconds p50_ms"
    assert set(wanted.split()) <= set(told)
    assert 0.9 < told["linear"]["macro_f1"] <= 1.0


def test_bench_names_the_row_that_lacks_a_field(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text('{"text": "a", "intent": "x"}\n{"text": "b"}\n')
    with pytest.raises(BadInput, match=r"row 2 lacks intent"):
        bench.run(path, path, Settings())
