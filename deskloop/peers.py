"""Honest baselines on the same held-out messages: majority class, TF-IDF + LinearSVC, BM25, the untuned base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from deskloop import figures as names
from deskloop import intervals, metrics, scorecard, writing
from deskloop.bot import Bot
from deskloop.generator.engines import Engine
from deskloop.metrics import paired_bootstrap
from deskloop.records import OUT_OF_SCOPE, KnowledgeEntry
from deskloop.scorecard import Scorecard
from deskloop.settings import Effort

Figures = dict[str, Any]


def majority(messages: pd.DataFrame) -> Figures:
    """Always the commonest intent of the training split."""
    train, test = _labelled(messages)
    if not len(train) or not len(test):
        return {}
    known = train["intent"].tolist()
    return _told(test, [max(sorted(set(known)), key=known.count)] * len(test))


def linear(messages: pd.DataFrame, seed: int) -> Figures:
    """What `svc` says of the test messages."""
    train, test = _labelled(messages)
    if train["intent"].nunique() < 2 or not len(test):
        return {}
    return _told(test, svc(train["text"].tolist(), train["intent"].tolist(), test["text"].tolist(), seed))


def svc(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str], seed: int) -> list[str]:
    """Labels of `asked` by TF-IDF of words and pairs and LinearSVC: what an afternoon of work would give."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LinearSVC(random_state=seed))
    said: list[str] = model.fit(texts, labels).predict(asked).tolist()
    return said


def asked(messages: pd.DataFrame, split: str) -> list[tuple[str, str]]:
    """Questions of a split with the entry that answers each."""
    rows = messages[(messages["split"] == split) & messages["knowledge_id"].notna()]
    return list(zip(rows["text"], rows["knowledge_id"], strict=True))


def bm25(messages: pd.DataFrame, knowledge: Sequence[KnowledgeEntry]) -> Figures:
    """Words alone, over questions and answers; with the reciprocal rank of each case."""
    from deskloop.features.bm25 import BM25

    test = scorecard.test_cases(messages)
    gold = test[test["knowledge_id"].notna()]
    if not len(gold) or not knowledge:
        return {}
    index = BM25.fit([f"{k.question} {k.answer}" for k in knowledge])
    found = [np.argsort(-index.scores(text), kind="stable")[:10] for text in gold["text"]]
    ids = [[knowledge[i].id for i in rows] for rows in found]
    ranks = [scorecard.rank(k, n) for k, n in zip(gold["knowledge_id"], ids, strict=True)]
    return {**metrics.retrieval(ranks), "reciprocal": [0.0 if r is None else 1 / r for r in ranks]}


def untuned(
    bot: Bot, engine: Engine, messages: pd.DataFrame, knowledge: Sequence[KnowledgeEntry], effort: Effort
) -> Figures:
    """The base model given the same entries: per-case scores for paired comparison, and its perplexity."""
    cases = scorecard.answer_cases(scorecard.test_cases(messages), effort)
    if not len(cases):
        return {}
    talks, replies = [scorecard.conversation(row) for row in cases.to_dict("records")], cases["reply"].tolist()
    known = {k.id: k for k in knowledge}
    entries = [known.get(str(k)) for k in cases["knowledge_id"]]
    scored = writing.text_scores(bot, writing.write_answers(engine, bot, talks), replies, entries)
    told = writing.losses(engine, bot, talks, replies)
    return {**scored, "perplexity": writing.perplexity(told), "nats": [nats for nats, _ in told]}


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
    """Ours less each baseline's on the same cases, with 95 % intervals."""
    ours, rows = card.cases, []
    for baseline, name in (("majority class", "majority"), ("TF-IDF + LinearSVC", "linear")):
        rows.append(_gain("intent_accuracy", baseline, ours.get("intent_in_scope"), figures[name].get("right")))
    ranks = ours.get("retrieval"), figures["bm25"].get("reciprocal")
    rows += [_gain(f"recall_at_{k}", "BM25", *(_within(k, side) for side in ranks)) for k in (1, 5)]
    rows.append(_gain("mrr", "BM25", *ranks))
    for name, score in (("chrf", "chrf"), ("similarity", "similarity"), ("correct", "generated_correct")):
        rows.append(_gain(score, "untuned base", ours.get(f"generated_{name}"), figures["untuned"].get(name)))
    return [row for row in [*rows, _perplexity(ours, figures["untuned"])] if row]


def _gain(
    score: str, baseline: str, ours: Sequence[float] | None, theirs: Sequence[float] | None
) -> dict[str, Any] | None:
    if not ours or not theirs or len(ours) != len(theirs):
        return None
    return _row(
        score, baseline, float(np.mean(ours)), float(np.mean(theirs)), paired_bootstrap(ours, theirs), len(ours)
    )


def _perplexity(ours: dict[str, list[float]], untuned: Figures) -> dict[str, Any] | None:
    mine, theirs, tokens = ours.get("reply_nats"), untuned.get("nats"), ours.get("reply_tokens")
    if not mine or not theirs or not tokens or len(mine) != len(theirs):
        return None
    a, b = (intervals.perplexity(side, tokens).value for side in (mine, theirs))
    return _row("perplexity", "untuned base", a, b, intervals.perplexity_gain(mine, theirs, tokens), len(mine))


def _row(score: str, baseline: str, a: float, b: float, gain: metrics.Interval, cases: int) -> dict[str, Any]:
    named = {"score": names.of(score).title, "baseline": baseline, "ours": a, "theirs": b}
    return named | {"difference": str(gain), "excludes zero": gain.excludes_zero, "cases": cases}


def _within(k: int, reciprocal: Sequence[float] | None) -> list[float] | None:
    return None if reciprocal is None else [float(r >= 1 / k) for r in reciprocal]


def _labelled(messages: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and test messages with an intent in scope; the latter in the order of a scorecard's cases."""
    rows = messages[messages["intent"].notna() & (messages["intent"] != OUT_OF_SCOPE)]
    return rows[rows["split"] == "train"], scorecard.test_cases(rows)


def _told(test: pd.DataFrame, said: Sequence[str]) -> Figures:
    truth = test["intent"].tolist()
    right = [float(t == s) for t, s in zip(truth, said, strict=True)]
    return {**metrics.classification(truth, said), "right": right}


def _chosen(figures: Figures, *names: str) -> Figures:
    return {name: figures[name] for name in names if figures.get(name) is not None}
