"""Word vectors trained on the team's own corpus, and texts as their weighted mean. Knows nothing of labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deskloop.errors import BadInput
from deskloop.text.tokens import words

DIMENSION = 100
SIF_A = 1e-3  # the paper's smoothing constant
JOINT = "_"
PHRASE_COUNT = 5  # a pair seen less often is no phrase
PHRASE_SCORE = 10.0  # gensim's default: how much oftener than by chance, scaled by the vocabulary


@dataclass(frozen=True)
class WordVectors:
    """Word2Vec vectors (v, d) float32 with each word's share of the corpus (v,) float32.

    A text is the mean of its words weighted by a / (a + share), less the corpus' common direction (d,), at
    unit length (SIF: Arora, Liang and Ma 2017, algorithm 1). A text of unknown words is all zeros. Neighbours that
    belong together are one word with `_` between them, such as `gift_card` (Mikolov et al. 2013, section 4).
    """

    vocabulary: dict[str, int]
    vectors: NDArray[np.float32]
    share: NDArray[np.float32]
    common: NDArray[np.float32]
    phrases: frozenset[str] = frozenset()

    @classmethod
    def train(cls, texts: Sequence[str], seed: int = 17, epochs: int = 10) -> WordVectors:
        """Skip-gram with negative sampling (Mikolov et al. 2013) on one thread, so that a seed repeats.

        Raises BadInput if no word occurs twice.
        """
        from gensim.models import Phrases, Word2Vec

        plain = [words(text) for text in texts]
        found = Phrases(plain, min_count=PHRASE_COUNT, threshold=PHRASE_SCORE, delimiter=JOINT)
        phrases = frozenset(found.export_phrases())
        sentences = [joined(tokens, phrases) for tokens in plain]
        model = Word2Vec(vector_size=DIMENSION, window=5, min_count=2, sg=1, sample=1e-3, seed=seed, workers=1)
        model.build_vocab(sentences)
        if not len(model.wv):
            raise BadInput("word vectors need words that occur at least twice; got none: switch word2vec off")
        model.train(sentences, total_examples=model.corpus_count, epochs=epochs)
        counts = np.array([model.wv.get_vecattr(w, "count") for w in model.wv.index_to_key], dtype=np.float64)
        share = (counts / counts.sum()).astype(np.float32)
        vectors = np.asarray(model.wv.vectors, dtype=np.float32)
        raw = cls(dict(model.wv.key_to_index), vectors, share, np.zeros(vectors.shape[1], np.float32), phrases)
        return replace(raw, common=_common_direction(raw._means(texts)))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns float32 (n, d), unit rows, or zero rows for texts without a known word."""
        means = self._means(texts)
        means -= np.outer(means @ self.common, self.common)
        norms = np.linalg.norm(means, axis=1, keepdims=True)
        return (means / np.where(norms > 1e-9, norms, 1)).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the vocabulary as JSON and the arrays as safetensors."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        told = {"words": list(self.vocabulary), "phrases": sorted(self.phrases)}
        (folder / "words.json").write_text(json.dumps(told, ensure_ascii=False), "utf-8")
        arrays = {"vectors": self.vectors, "share": self.share, "common": self.common}
        save_file(arrays, folder / "vectors.safetensors")

    @classmethod
    def load(cls, folder: Path) -> WordVectors:
        """Read what `save` wrote."""
        from safetensors.numpy import load_file

        told = json.loads((folder / "words.json").read_bytes())
        known = {word: i for i, word in enumerate(told["words"])}
        return cls(known, **load_file(folder / "vectors.safetensors"), phrases=frozenset(told["phrases"]))

    def _means(self, texts: Sequence[str]) -> NDArray[np.float32]:
        weight = SIF_A / (SIF_A + self.share)
        means = np.zeros((len(texts), self.vectors.shape[1]), np.float32)
        for row, text in enumerate(texts):
            known = [self.vocabulary[w] for w in joined(words(text), self.phrases) if w in self.vocabulary]
            if known:
                means[row] = weight[known] @ self.vectors[known] / len(known)
        return means


def joined(tokens: Sequence[str], phrases: frozenset[str]) -> list[str]:
    """Tokens with pairs that are phrases made one, from left to right; a word belongs to one phrase at most."""
    out: list[str] = []
    free = False  # whether the last one may still begin a phrase
    for token in tokens:
        if free and (pair := f"{out[-1]}{JOINT}{token}") in phrases:
            out[-1], free = pair, False
        else:
            out.append(token)
            free = True
    return out


def _common_direction(means: NDArray[np.float32]) -> NDArray[np.float32]:
    """First right singular vector of (n, d), by the d x d Gram matrix; its sign is fixed."""
    _, directions = np.linalg.eigh((means.T @ means).astype(np.float64))
    first = directions[:, -1]
    return np.asarray(first * np.sign(first[np.abs(first).argmax()] or 1.0), dtype=np.float32)
