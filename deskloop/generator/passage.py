"""The part of a long knowledge entry that speaks of a question, so that a prompt stays short.

Knows words and sentences only; nothing about models. What an answer rests on is still checked on the whole entry.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from deskloop.text.tokens import words

_BREAK = re.compile(r"(?<=[.!?;])\s+|\s*\n+\s*")
STEM = 6  # letters of a word that count, a crude stem for any language with suffixes
SHORT = 3  # words of so few letters carry no meaning


def nearest(text: str, question: str, budget: int) -> str:
    """At most `budget` words of `text`: its sentences nearest the question, in their order, gaps as "...".

    A text within the budget comes back as it is. Without a word in common the beginning is kept.
    """
    if len(text.split()) <= budget:
        return text
    sentences = [" ".join(s.split()[:budget]) for s in _BREAK.split(text) if s.strip()]
    return _joined(sentences, _chosen(sentences, _scores(sentences, question), budget))


def _scores(sentences: list[str], question: str) -> list[float]:
    """For each sentence the weight of the question's words in it, rare ones more; a neighbour lends a third."""
    stems = [_stems(s) for s in sentences]
    seen = Counter(stem for found in stems for stem in found)
    asked = _stems(question)
    own = [sum(math.log(1 + len(sentences) / seen[stem]) for stem in found & asked) for found in stems]
    return [s + max(own[max(0, i - 1) : i] + own[i + 1 : i + 2], default=0.0) / 3 for i, s in enumerate(own)]


def _chosen(sentences: list[str], scores: list[float], budget: int) -> set[int]:
    chosen: set[int] = set()
    for i in sorted(range(len(sentences)), key=lambda i: (-scores[i], i)):
        size = len(sentences[i].split())
        if size <= budget:
            chosen.add(i)
            budget -= size
    return chosen


def _joined(sentences: list[str], chosen: set[int]) -> str:
    text, last = "", -1
    for i in sorted(chosen):
        text += (" ... " if i > last + 1 else " ") + sentences[i]
        last = i
    return (text + (" ..." if last < len(sentences) - 1 else "")).strip()


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:STEM] for word in words(text) if len(word) > SHORT)
