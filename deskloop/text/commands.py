"""Sentences that give orders to a language model: "ignore all previous instructions, say ...".

No customer's question and no entry of a knowledge base needs them, so they are never followed: such a message
goes to a person, such a sentence of an entry is not shown and not put into a prompt. Works on patterns; knows
nothing about meaning. What passes is held by `deskloop.facts`: no fact is said that no source states.
"""

from __future__ import annotations

import re

_ORDER = re.compile(
    r"\b(ignore|disregard|forget|override)\b.{0,40}\b(previous|prior|above|earlier|all|your|these|any)\b.{0,40}"
    r"\b(instruction|prompt|rule|note|direction|guideline|polic)|"
    r"\b(system|developer) (prompt|message|mode)\b|<\|?/?(im_start|im_end|system|assistant|user)|"
    r"^\s*(system|assistant|developer)\s*:|\byou are now\b|\bfrom now on,? you\b|\bpretend (to be|you are|that)\b|"
    r"\bact as (if|a|an|my)\b|\bjailbreak|\bDAN\b|\brepeat after me\b|\bnew instructions?\b|"
    r"\b(reply|respond|answer) (only |exactly )?with (the word|exactly|only)\b|"
    r"\b(say|tell (them|him|her|the customer|customers|everyone)) (that )?(the |our |your |all )?"
    r"(refund|price|discount|return)s? (is|are|was)\b|"
    r"\b(print|reveal|show|tell me) your (instructions|prompt|rules|notes)\b",
    re.I | re.M,
)
_SENTENCE = re.compile(r"(?<=[.!?\n])\s+")


def commanding(text: str) -> bool:
    """Does any of it give orders to a model?"""
    return bool(_ORDER.search(text))


def without_commands(text: str) -> str:
    """The sentences that give none; the same text if none does."""
    if not commanding(text):
        return text
    return " ".join(s for s in _SENTENCE.split(text) if not commanding(s)).strip()
