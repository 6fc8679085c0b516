"""How many questions simpler ways would answer at the same allowed share of wrong answers.

Each way ranks the entries by one score, shows the best one where its score reaches a threshold, and gets that
threshold from the same validation questions by the same rule as the bot. Knows nothing about bots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskloop.confidence import Held, choose_threshold
from deskloop.features.sentence import Encoder
from deskloop.metrics import bootstrap
from deskloop.records import KnowledgeEntry

Scores = Callable[[Sequence[str]], NDArray[np.float32]]
Asked = Sequence[tuple[str, str | None]]  # a question, and the id of the entry that answers it


def baselines(
    entries: Sequence[KnowledgeEntry], encoder: Encoder, held: Asked, asked: Asked, max_wrong: float
) -> list[dict[str, Any]]:
    """For each way: coverage of the answerable questions of `asked`, and wrong answers of all, with intervals."""
    ids = [entry.id for entry in entries]
    return [
        {"way": name, **_measured(scores, ids, held, asked, max_wrong)}
        for name, scores in _ways(entries, encoder).items()
    ]


def _ways(entries: Sequence[KnowledgeEntry], encoder: Encoder) -> dict[str, Scores]:
    from deskloop.features.bm25 import BM25
    from deskloop.features.tfidf import Tfidf

    texts = [f"{entry.question} {entry.answer}" for entry in entries]
    words, tfidf = BM25.fit(texts), Tfidf.fit(texts)
    known, vectors = tfidf.transform(texts), encoder.encode(texts)
    return {
        "BM25": lambda asked: np.stack([words.scores(text) for text in asked]),
        "TF-IDF": lambda asked: np.asarray((tfidf.transform(asked) @ known.T).todense()),
        "sentence vectors": lambda asked: encoder.encode(list(asked)) @ vectors.T,
    }


def _measured(scores: Scores, ids: Sequence[str], held: Asked, asked: Asked, max_wrong: float) -> dict[str, Any]:
    sure, right = _best(scores, ids, held)
    threshold, *_ = choose_threshold(Held(sure, right), max_wrong)
    sure, right = _best(scores, ids, asked)
    shown = sure >= threshold
    answerable = np.array([gold is not None for _, gold in asked])
    covered, wrong = bootstrap(shown[answerable].astype(float)), bootstrap((shown & ~right).astype(float))
    return {
        "coverage_of_answerable": covered.value,
        "coverage_interval": str(covered),
        "wrong_of_all": wrong.value,
        "wrong_interval": str(wrong),
    }


def _best(scores: Scores, ids: Sequence[str], asked: Asked) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of each question (n,): the best entry's score, and whether it is the right entry."""
    found = scores([text for text, _ in asked])
    first = found.argmax(axis=1)
    return found.max(axis=1), np.array([ids[i] == gold for i, (_, gold) in zip(first, asked, strict=True)])
