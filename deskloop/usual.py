"""What each knowledge entry usually answers: the intents of the past questions that it settled.

Search and classifier see a message differently; what the found entries usually answer is a second opinion on
its intent, and what the classifier thinks one on which entry is best. Knows nothing about
how entries are found or intents learnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deskloop import calibration
from deskloop.records import Source

if TYPE_CHECKING:
    import pandas as pd

Usual = Mapping[str, Mapping[str, float]]
OPINION = 0.5  # weight of the second opinion; chosen on the sample shop's validation split among 0 to 0.7
LIKELY = (0.0, 0.05, 0.1, 0.15, 0.2)  # weights of the classifier's word on the entries, to choose from
FEWEST = 30  # questions to choose by
SHARPNESS = 10.0  # of the softmax over search scores, which lie between 0 and 1


def usual_intents(examples: Iterable[tuple[str, str]]) -> dict[str, dict[str, float]]:
    """For each entry, how its past questions were labelled, from (entry id, intent) pairs. Shares sum to 1."""
    counts: dict[str, dict[str, int]] = {}
    for entry, intent in examples:
        of_entry = counts.setdefault(entry, {})
        of_entry[intent] = of_entry.get(intent, 0) + 1
    return {
        entry: {intent: n / sum(of_entry.values()) for intent, n in of_entry.items()}
        for entry, of_entry in counts.items()
    }


def learnt(messages: pd.DataFrame) -> dict[str, dict[str, float]]:
    """`usual_intents` of the training split."""
    rows = messages[(messages["split"] == "train") & messages["intent"].notna() & messages["knowledge_id"].notna()]
    return usual_intents(list(zip(rows["knowledge_id"], rows["intent"], strict=True)))


def opinion(labels: Sequence[str], hits: Sequence[Source], usual: Usual) -> NDArray[np.float64]:
    """Shares (k,) of the labels by what the found entries usually answer; sums to at most 1."""
    at = {label: i for i, label in enumerate(labels)}
    shares = np.zeros(len(labels))
    scores = np.array([hit.score for hit in hits])
    weights = np.exp(SHARPNESS * (scores - scores.max())) if len(hits) else scores
    for hit, weight in zip(hits, weights / max(weights.sum(), 1e-12), strict=True):
        for intent, share in usual.get(hit.id, {}).items():
            if intent in at:
                shares[at[intent]] += weight * share
    return shares


def blended(
    classified: ArrayLike, labels: Sequence[str], hits: Sequence[Source], usual: Usual, temperature: float = 1.0
) -> NDArray[np.float64]:
    """The classifier's shares (k,) with the second opinion, as far as there is one, at a `temperature` of both."""
    first, second = np.asarray(classified, dtype=float), opinion(labels, hits, usual)
    weight = OPINION * float(second.sum())
    mixed: NDArray[np.float64] = ((1 - weight) * first + OPINION * second) ** (1 / temperature)
    return mixed / mixed.sum()


def temperature(
    found: Sequence[Sequence[Source]], shares: ArrayLike, labels: Sequence[str], usual: Usual, gold: Sequence[str]
) -> float:
    """What makes `blended` as sure as it is right (Guo et al. 2017); 1 for fewer than 30 questions.

    The mean of two opinions that agree is less sure than they are together. Each of the `gold` intents is a label;
    the rest as for `weight`.
    """
    if len(gold) < FEWEST:
        return 1.0
    rows = zip(np.asarray(shares, dtype=float), found, strict=True)
    logits = np.log(np.array([blended(row, labels, hits, usual) for row, hits in rows]) + 1e-9)
    at = {label: i for i, label in enumerate(labels)}
    return calibration.temperature(logits.astype(np.float32), np.array([at[intent] for intent in gold]))[0]


def ranked(
    hits: Sequence[Source], shares: ArrayLike, labels: Sequence[str], usual: Usual, weight: float
) -> list[Source]:
    """The found entries by their score and how likely their usual intents are, given the classifier's `shares` (k,).

    `weight` is how much the latter counts. An entry that has answered nothing yet is given the benefit of the doubt.
    Scores stay in [0, 1].
    """
    likely = dict(zip(labels, np.asarray(shares, dtype=float).tolist(), strict=True))
    said = [
        sum(likely.get(intent, 0.0) * share for intent, share in usual[hit.id].items()) if usual.get(hit.id) else None
        for hit in hits
    ]
    best = max((value for value in said if value is not None), default=0.0)
    scored = [
        hit.model_copy(update={"score": (hit.score + weight * (best if value is None else value)) / (1 + weight)})
        for hit, value in zip(hits, said, strict=True)
    ]
    return sorted(scored, key=lambda hit: -hit.score)


def weight(
    found: Sequence[Sequence[Source]], shares: ArrayLike, labels: Sequence[str], usual: Usual, gold: Sequence[str]
) -> float:
    """Of `LIKELY`, what puts most `gold` entries first; the least of equals, and none for fewer than 30 questions.

    `found` by search alone and the classifier's `shares` (n, k), for questions that neither has learnt.
    """
    if len(gold) < FEWEST:
        return LIKELY[0]
    rows = list(zip(found, np.asarray(shares, dtype=float), gold, strict=True))

    def first(value: float) -> int:
        return sum(bool(h) and ranked(h, row, labels, usual, value)[0].id == entry for h, row, entry in rows)

    return max(LIKELY, key=first)
