"""Features: what they promise about shapes, lengths, determinism and round trips."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from deskloop.errors import BadInput
from deskloop.features.blocks import Featurizer
from deskloop.features.bm25 import BM25
from deskloop.features.sentence import SentenceEncoder, export
from deskloop.features.tfidf import Tfidf
from deskloop.features.tiny import TinyEncoder
from deskloop.features.word2vec import WordVectors, joined

TEXTS = [
    "where is my parcel",
    "my parcel has not arrived",
    "I want a refund for the shoes",
    "the shoes are too small, refund please",
    "can I pay with a gift card",
    "my gift card does not work",
] * 4


def test_tfidf_rows_of_both_parts_have_unit_length_and_unknown_texts_are_zero():
    tfidf = Tfidf.fit(TEXTS)
    rows = tfidf.transform(["refund the shoes", "ξψ"]).toarray()
    assert rows.shape == (2, tfidf.size)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([np.sqrt(2), 0])


def test_tfidf_sees_through_a_typo():
    tfidf = Tfidf.fit(TEXTS)
    typo, right, other = tfidf.transform(["i want a refnud", "i want a refund", "where is my parcel"]).toarray()
    assert typo @ right > 3 * (typo @ other)


def test_tfidf_gives_the_same_after_saving(tmp_path):
    tfidf = Tfidf.fit(TEXTS)
    tfidf.save(tmp_path)
    assert (Tfidf.load(tmp_path).transform(TEXTS) != tfidf.transform(TEXTS)).nnz == 0


def test_tfidf_refuses_an_empty_corpus():
    with pytest.raises(BadInput, match="at least one text"):
        Tfidf.fit([])


def test_word_vectors_repeat_with_their_seed_and_survive_saving(tmp_path):
    vectors = WordVectors.train(TEXTS, seed=5, epochs=2)
    again = WordVectors.train(TEXTS, seed=5, epochs=2)
    vectors.save(tmp_path)
    for other in (again, WordVectors.load(tmp_path)):
        assert np.array_equal(other.embed(TEXTS), vectors.embed(TEXTS))


def test_word_vectors_are_unit_rows_and_zero_for_unknown_words():
    rows = WordVectors.train(TEXTS, epochs=2).embed(["my parcel", "xyzzy", ""])
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 0, 0], abs=1e-5)


def test_word_vectors_refuse_a_corpus_where_no_word_repeats():
    with pytest.raises(BadInput, match="at least twice"):
        WordVectors.train(["one two", "three four"])


def test_tiny_encoder_is_opened_by_the_same_door_and_says_the_same(tmp_path):
    tiny = TinyEncoder(dimension=32, seed=3)
    tiny.save(tmp_path)
    opened = SentenceEncoder.load(tmp_path)
    assert opened.dimension == 32
    assert np.array_equal(opened.encode(TEXTS), tiny.encode(TEXTS))


def test_tiny_encoder_puts_texts_that_share_words_near():
    a, b, c = TinyEncoder().encode(["where is my parcel", "my parcel, where is it", "can I pay by card"])
    assert a @ b > 0.6 > 0.5 > a @ c


def test_tiny_encoder_gives_unit_rows_also_for_nothing():
    rows = TinyEncoder().encode(["", "…", "hello"])
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 1])
    assert TinyEncoder().encode([]).shape == (0, 128)


def test_a_folder_without_encoder_names_the_way_out(tmp_path):
    with pytest.raises(BadInput, match="deskloop fetch"):
        SentenceEncoder.load(tmp_path)


def test_export_leaves_a_folder_alone_that_is_not_its_own(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (source / name).write_text("{}")
    (target / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match="something else"):
        export(source, target)
    assert (target / "thesis.txt").read_text() == "mine"


def test_blocks_that_are_switched_off_have_no_columns():
    tfidf, encoder = Tfidf.fit(TEXTS), TinyEncoder(dimension=16)
    assert Featurizer(tfidf).transform(TEXTS[:3]).dense.shape == (3, 0)
    assert Featurizer(encoder=encoder).transform(TEXTS[:3]).sparse.shape == (3, 0)
    both = Featurizer(tfidf, None, encoder).transform(TEXTS[:3])
    assert (both.sparse.shape, both.dense.shape) == ((3, tfidf.size), (3, 16))


def test_an_empty_previous_turn_adds_nothing_but_columns():
    blocks = Featurizer(Tfidf.fit(TEXTS), None, TinyEncoder(dimension=16)).transform(
        ["refund", "refund"], ["", "shoes"]
    )
    assert not blocks.dense[0, 16:].any()
    assert blocks.dense[1, 16:].any()


def test_bm25_ranks_the_document_with_the_rare_word_first():
    index = BM25.fit(["the parcel is late", "the refund is late", "the parcel and the refund"])
    scores = index.scores("the refund is late")
    assert scores.argmax() == 1
    assert index.scores("zebra").max() == 0


def test_bm25_share_is_at_most_one_and_falls_with_strange_words():
    index = BM25.fit(TEXTS)
    plain, strange = index.shares(["gift card", "gift card zebra quagga"]).max(axis=1)
    assert 0 < strange < plain <= 1


def test_bm25_is_the_textbook_formula():
    index = BM25.fit(["a b b", "a c"])
    idf = np.log1p((2 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2.5))
    assert index.scores("b") == pytest.approx([expected, 0])


def test_serving_parts_import_neither_torch_nor_training_libraries():
    modules = "deskloop.features.index, deskloop.intents, deskloop.features.sentence, ctranslate2, tokenizers"
    heavy = "{'torch', 'transformers', 'sklearn', 'gensim', 'pandas'} & set(sys.modules)"
    code = f"import sys, {modules}; sys.exit(', '.join({heavy}) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_vectors_that_are_known_are_not_made_again():
    from deskloop.features.sentence import Remembering
    from deskloop.features.tiny import TinyEncoder

    class Counting(TinyEncoder):
        asked: list = []  # noqa: RUF012

        def encode(self, texts):
            self.asked.extend(texts)
            return super().encode(texts)

    encoder = Counting(dimension=32, seed=1)
    vectors = TinyEncoder(dimension=32, seed=1).encode(["one", "two"])
    rows = Remembering(encoder, ["one", "two"], vectors).encode(["two", "three", "three"])
    assert encoder.asked == ["three"]
    assert np.allclose(rows[0], vectors[1]) and np.allclose(rows[1], rows[2])


def test_words_that_belong_together_are_one(tmp_path):
    asked = (
        "where do i enter the gift card|my gift card is empty|is a gift card valid in the shop|a card for the tent"
    )
    texts = [*asked.split("|"), *(f"{w} gift card" for w in "lost new old big red cheap paper plastic".split())] * 3
    vectors = WordVectors.train([*texts, *(f"word{n} word{n}" for n in range(600))], epochs=2)
    assert "gift_card" in vectors.phrases and "gift_card" in vectors.vocabulary
    assert joined(["my", "gift", "card", "card"], vectors.phrases) == ["my", "gift_card", "card"]
    vectors.save(tmp_path)
    np.testing.assert_array_equal(WordVectors.load(tmp_path).embed(["gift card"]), vectors.embed(["gift card"]))
    assert (vectors.embed(["gift card"]) != vectors.embed(["gift"])).any()
