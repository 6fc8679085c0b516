"""A fine-tuned encoder beside the linear model: it learns what words alone do not tell, and travels along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deskloop.features import sentence, tuning
from deskloop.features.blocks import Featurizer
from deskloop.features.sentence import TRAINABLE, SentenceEncoder
from deskloop.features.tfidf import Tfidf
from deskloop.features.tuned import Tuned
from deskloop.intents import IntentModel

WORDS = [a + b for a in "bdfgklmnprst" for b in ("ab", "ek", "il", "om", "uz")]


def _rows(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Which of two words comes first is the class: a bag of words cannot tell."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(count):
        rest = list(rng.choice(WORDS, 3))
        first = bool(rng.integers(2))
        pair = ["refund", "order"] if first else ["order", "refund"]
        texts.append(" ".join([*pair, *rest]))
        labels.append("refund_the_order" if first else "order_of_refund")
    return texts, labels


def _apart(vectors: np.ndarray, codes: np.ndarray) -> float:
    return float(np.linalg.norm(vectors[codes == 0].mean(0) - vectors[codes == 1].mean(0)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder folder as `deskloop fetch` leaves it, of a small untrained BERT."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    torch.manual_seed(3)
    vocabulary = {
        w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "refund", "order", *WORDS])
    }
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    base = tmp_path_factory.mktemp("encoder")
    source = base / "source"
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=128,
        position_embedding_type="absolute",
    )
    BertModel(config).save_pretrained(source)
    tokenizer.save(str(source / "tokenizer.json"))
    (source / "vocab.txt").write_text("\n".join(vocabulary), "utf-8")
    (source / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}), "utf-8")
    sentence.export(source, base / "made", keep=True)
    return base / "made"


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[IntentModel]:
    texts, labels = _rows(600, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "STEPS", (150, 150))
        yield IntentModel.fit(texts, labels, Featurizer(Tfidf.fit(texts)), trainable=folder)


def test_it_learns_what_a_bag_of_words_cannot_tell(model: IntentModel, folder: Path) -> None:
    texts, labels = _rows(200, seed=2)
    codes = np.array([sorted(set(labels)).index(label) for label in labels])
    encoder = SentenceEncoder.load(folder)
    assert model.tuned is not None
    assert _apart(model.tuned.encoder.encode(texts), codes) > 2 * _apart(encoder.encode(texts), codes)
    right = np.mean([p.intent == label for p, label in zip(model.predict(texts), labels, strict=True)])
    assert right > 0.9


def test_it_travels_with_the_model_without_the_trainable_weights(model: IntentModel, tmp_path: Path) -> None:
    texts, _ = _rows(20, seed=5)
    model.save(tmp_path)
    assert not (tmp_path / "tuned" / TRAINABLE).exists()
    loaded = IntentModel.load(tmp_path, None)
    assert np.allclose(loaded.scores(texts)[0], model.scores(texts)[0], atol=1e-6)


def test_the_turn_before_is_read_but_does_not_drown_the_message(model: IntentModel, tmp_path: Path) -> None:
    assert model.tuned is not None
    model.tuned.encoder.save(tmp_path)
    assert json.loads((tmp_path / "encoder.json").read_text())["until"] == 3  # the separator's number
    after = SentenceEncoder.load(tmp_path).encode(["refund", f"refund [SEP] {WORDS[0]}"])
    assert np.abs(after[0] - after[1]).max() > 1e-3
    assert sentence.counted([2, 5, 3, 7, 7, 3], until=3) == 3
    assert sentence.counted([2, 5, 3, 7, 7, 3], until=None) == 6


def test_the_same_rows_and_seed_train_the_same_encoder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "STEPS", (20, 20))
    texts, labels = _rows(60, seed=3)
    codes = np.array([sorted(set(labels)).index(label) for label in labels])
    one, two = (Tuned.fit(folder, texts, None, codes, 2, seed=11).logits(texts, None) for _ in range(2))
    assert np.array_equal(one, two)


def test_an_encoder_without_trainable_weights_is_left_as_it_is(folder: Path, tmp_path: Path) -> None:
    SentenceEncoder.load(folder).save(tmp_path / "copy")
    assert tuning.can_learn(folder)
    assert not tuning.can_learn(tmp_path / "copy")
