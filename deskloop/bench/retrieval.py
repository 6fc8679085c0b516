"""`deskloop bench retrieval`: the search index against BM25 on the same entries and queries, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deskloop import metrics
from deskloop.bench import rows
from deskloop.errors import BadInput
from deskloop.features.bm25 import BM25
from deskloop.features.index import SearchIndex
from deskloop.features.sentence import Encoder, SentenceEncoder
from deskloop.records import KnowledgeEntry
from deskloop.settings import Settings

DEPTH = 10
Find = Callable[[str], list[str]]


def run(knowledge: Path, queries: Path, settings: Settings) -> dict[str, Any]:
    """Rows {"id", "question", "answer"} and {"query", "id"}.

    Every query is searched alone, its encoding included and nothing remembered; the weights are the defaults,
    since no labelled question but the queries themselves is given.
    """
    entries = [
        KnowledgeEntry(id=str(r["id"]), question=r["question"], answer=r["answer"], source=knowledge.name)
        for r in rows.read(knowledge, "id", "question", "answer")
    ]
    cases = [(str(r["query"]), str(r["id"])) for r in rows.read(queries, "query", "id")]
    strange = {entry for _, entry in cases} - {entry.id for entry in entries}
    if strange:
        raise BadInput(f"{queries} names entries that {knowledge} lacks: {', '.join(sorted(strange)[:3])}")
    return compare(entries, cases, _encoder(settings))


def compare(entries: Sequence[KnowledgeEntry], cases: Sequence[tuple[str, str]], encoder: Encoder) -> dict[str, Any]:
    """The index's figures over (query, gold id) `cases`, and BM25's under `bm25`."""
    began = time.perf_counter()
    index = SearchIndex.build(entries, encoder)
    seconds = time.perf_counter() - began
    ours = measure(lambda query: [s.id for s in index.search(query, DEPTH)], cases)
    return {**ours, "build_seconds": seconds, "queries": len(cases), "bm25": measure(bm25(entries), cases)}


def bm25(entries: Sequence[KnowledgeEntry]) -> Find:
    """The peer: Okapi BM25 over question and answer, with our words."""
    index = BM25.fit([f"{entry.question} {entry.answer}" for entry in entries])

    def find(query: str) -> list[str]:
        best = np.argsort(-index.scores(query), kind="stable")[:DEPTH]
        return [entries[i].id for i in best]

    return find


def measure(find: Find, cases: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Recall, MRR and milliseconds of `find` over (query, gold id) pairs."""
    ranks, spent = [], []
    for query, gold in cases:
        began = time.perf_counter()
        found = find(query)
        spent.append((time.perf_counter() - began) * 1000)
        ranks.append(found.index(gold) + 1 if gold in found else None)
    p50, p99 = np.percentile(spent, [50, 99])
    return {**metrics.retrieval(ranks), "p50_ms": float(p50), "p99_ms": float(p99)}


def _encoder(settings: Settings) -> Encoder:
    from deskloop.generator.base import encoder_path

    return SentenceEncoder.load(encoder_path(settings), remember=0)
