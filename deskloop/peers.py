"""Honest baselines on the same held-out messages: majority class, TF-IDF + LinearSVC, BM25, the untuned base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from deskloop import metrics, scorecard
from deskloop.bot import Bot, Engine
from deskloop.metrics import paired_bootstrap
from deskloop.records import KnowledgeEntry
from deskloop.scorecard import OUT_OF_SCOPE, Scorecard
from deskloop.settings import Effort

Figures = dict[str, Any]


def majority(messages: pd.DataFrame) -> Figures:
    """Always the commonest intent of the training split."""
    train, truth = _labels(messages)
    if not train or not truth:
        return {}
    common = max(sorted(set(train)), key=train.count)
    return metrics.classification(truth, [common] * len(truth))


def linear(messages: pd.DataFrame, seed: int) -> Figures:
    """TF-IDF of words and pairs, LinearSVC: what an afternoon of work would give."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    rows = _labelled(messages)
    train, test = rows[rows["split"] == "train"], rows[rows["split"] == "test"]
    if train["intent"].nunique() < 2 or not len(test):
        return {}
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LinearSVC(random_state=seed))
    model.fit(train["text"], train["intent"])
    return metrics.classification(test["intent"].tolist(), model.predict(test["text"]).tolist())


def bm25(messages: pd.DataFrame, knowledge: Sequence[KnowledgeEntry]) -> Figures:
    """Words alone, over questions and answers."""
    from deskloop.features.bm25 import BM25

    test = scorecard.test_cases(messages)
    gold = test[test["knowledge_id"].notna()]
    if not len(gold) or not knowledge:
        return {}
    index = BM25.fit([f"{k.question} {k.answer}" for k in knowledge])
    found = [np.argsort(-index.scores(text), kind="stable")[:10] for text in gold["text"]]
    names = [[knowledge[i].id for i in rows] for rows in found]
    return metrics.retrieval([scorecard.rank(k, n) for k, n in zip(gold["knowledge_id"], names, strict=True)])


def untuned(
    bot: Bot, engine: Engine, messages: pd.DataFrame, knowledge: Sequence[KnowledgeEntry], effort: Effort
) -> Figures:
    """The base model given the same entries: per-case scores for paired comparison, and its perplexity."""
    cases = scorecard.answer_cases(scorecard.test_cases(messages), effort)
    if not len(cases):
        return {}
    answers = scorecard.write_answers(engine, bot, cases)
    scored = scorecard.text_scores(bot, answers, cases, {k.id: k for k in knowledge})
    return {**scored, "perplexity": scorecard.perplexity(engine, bot, cases)}


def table(figures: Figures) -> list[dict[str, Any]]:
    """One row a baseline."""
    base = figures["untuned"]
    means = {name: float(np.mean(base[name])) for name in ("chrf", "similarity", "correct") if base.get(name)}
    return [
        {"baseline": "majority class", **_chosen(figures["majority"], "accuracy", "macro_f1")},
        {"baseline": "TF-IDF + LinearSVC", **_chosen(figures["linear"], "accuracy", "macro_f1")},
        {"baseline": "BM25", **_chosen(figures["bm25"], "recall_at_1", "recall_at_5", "mrr")},
        {"baseline": "untuned base", **means, **_chosen(base, "perplexity")},
    ]


def gains(card: Scorecard, figures: Figures) -> list[dict[str, Any]]:
    """Fine-tuned less untuned, case by case, with 95 % intervals."""
    rows = []
    for name in ("chrf", "similarity", "correct"):
        ours, theirs = card.cases.get(f"generated_{name}", []), figures["untuned"].get(name, [])
        if ours and len(ours) == len(theirs):
            gain = paired_bootstrap(ours, theirs)
            rows.append(
                {
                    "score": name,
                    "fine-tuned": float(np.mean(ours)),
                    "untuned": float(np.mean(theirs)),
                    "difference": str(gain),
                    "excludes zero": gain.excludes_zero,
                    "cases": len(ours),
                }
            )
    return rows


def _labelled(messages: pd.DataFrame) -> pd.DataFrame:
    return messages[messages["intent"].notna() & (messages["intent"] != OUT_OF_SCOPE)]


def _labels(messages: pd.DataFrame) -> tuple[list[str], list[str]]:
    rows = _labelled(messages)
    return rows.loc[rows["split"] == "train", "intent"].tolist(), rows.loc[rows["split"] == "test", "intent"].tolist()


def _chosen(figures: Figures, *names: str) -> Figures:
    return {name: figures[name] for name in names if figures.get(name) is not None}
