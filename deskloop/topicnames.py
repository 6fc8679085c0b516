"""Readable names for groups of texts: the terms that tell each group from the others.

Class-based TF-IDF (c-TF-IDF; Grootendorst 2022, BERTopic, section 3.3) over words and pairs of neighbouring words.
Changed: a text counts each term once, so that one long mail names nobody's topic; terms of fewer than three texts are
left out, so that no name tells what only one customer said. Knows nothing about how groups are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from deskloop.text.language import function_words
from deskloop.text.tokens import words

BARE = "topic "  # and a number, where no term tells a group
TERMS = 8  # told of a group
FEWEST_TEXTS = 3
PAIR_SHARE = 0.5  # of a word's texts in its group that have the pair, from which the pair stands for the word
SAME_START = 5  # letters: "refund" and "refunds" say the same


def names(groups: Sequence[Sequence[str]], taken: Sequence[str | None]) -> tuple[list[str], list[list[str]]]:
    """A name such as "refund, money back" for each group of texts, and its terms, the most distinctive first.

    `taken` has the name of a group that has one already; no name is given twice.
    """
    terms = distinctive(groups)
    used = {name for name in taken if name}
    out = []
    for number, (told, known) in enumerate(zip(terms, taken, strict=True), 1):
        name = known or _free(told, used, number)
        used.add(name)
        out.append(name)
    return out, terms


def still_said(names: Sequence[str], texts: Sequence[str]) -> set[str]:
    """Those of the names whose terms customers still use; a bare number goes on for ever."""
    said = Counter(term for text in texts for term in _terms(text))
    return {n for n in names if n.startswith(BARE) or all(said[term] >= FEWEST_TEXTS for term in n.split(", "))}


def _free(terms: list[str], used: set[str], number: int) -> str:
    """Two terms, more where another group has these already."""
    tries = [", ".join(terms[:n]) for n in range(2, len(terms) + 1)] or [", ".join(terms)]
    return next((name for name in tries if name and name not in used), f"{BARE}{number}")


def distinctive(groups: Sequence[Sequence[str]]) -> list[list[str]]:
    """The terms of each group with the highest c-TF-IDF; none says again what one before it says."""
    counts = [Counter(term for text in group for term in _terms(text)) for group in groups]
    total = Counter[str]()
    for group in counts:
        total.update(group)
    vocabulary = sorted(term for term, n in total.items() if n >= FEWEST_TEXTS)
    if not vocabulary:
        return [[] for _ in groups]
    table = np.array([[group[term] for term in vocabulary] for group in counts], dtype=np.float64)
    weights = _weights(table)
    return [_chosen(row, vocabulary, group) for row, group in zip(weights, counts, strict=True)]


def _weights(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """c-TF-IDF of counts (groups, terms): tf(t, c) log(1 + A / f(t)), A the mean number of terms of a group."""
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return np.asarray(share * np.log1p(table.sum(axis=1).mean() / table.sum(axis=0)))


def _chosen(weights: NDArray[np.float64], vocabulary: list[str], counts: Counter[str]) -> list[str]:
    out: list[str] = []
    said: set[str] = set()
    best = [vocabulary[i] for i in np.lexsort((np.arange(len(weights)), -weights)) if weights[i] > 0]
    for term in best[: 20 * TERMS]:
        if counts[term] < FEWEST_TEXTS or said & _stems(term):
            continue
        longer = (t for t in best[: 20 * TERMS] if " " in t and term in t.split() and not said & _stems(t))
        term = next((t for t in longer if counts[t] >= PAIR_SHARE * counts[term]), term)
        out.append(term)
        said |= _stems(term)
        if len(out) == TERMS:
            break
    return out


def _stems(term: str) -> set[str]:
    return {word[:SAME_START] for word in term.split()}


def _terms(text: str) -> set[str]:
    """Words that carry meaning, and neighbouring pairs of them, each once."""
    found = words(text)
    telling = [_tells(word) for word in found]
    pairs = {f"{a} {b}" for (a, x), (b, y) in pairwise(zip(found, telling, strict=True)) if x and y}
    return {word for word, tells in zip(found, telling, strict=True) if tells} | pairs


def _tells(word: str) -> bool:
    """Not a function word, a number or a placeholder."""
    return len(word) > 1 and any(c.isalpha() for c in word) and word[0] != "<" and word not in _silent()


@cache
def _silent() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    common = "hi hello hey dear regards thanks thank please just like need want help know got im ive dont".split()
    return frozenset({*ENGLISH_STOP_WORDS, *common, *function_words()} - _TELLING)


# among the function words of support messages, and yet what they are about
_TELLING = {"back", "order", "call", "bill", "bestelling", "bestellung", "commande", "pedido", "ordine", "zamówienie"}
