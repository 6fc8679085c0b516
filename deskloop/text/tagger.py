"""Finds names of people, places and organisations, addresses and dates that no pattern tells: a small token tagger.

An averaged perceptron (Collins 2002) over words, shapes, neighbours and word lists, decoded from left to right. Its
weights were learnt from sentences made for it (`benchmarks/train_tagger.py`); none are anybody's data. Knows nothing
about redaction.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

from deskloop.text import gazetteer

WEIGHTS = "tagger.json.gz"
OTHER = "O"
TAGS = (OTHER, "PERSON", "LOCATION", "ORGANIZATION", "ADDRESS", "DATE_TIME")
_CAPITALISED = frozenset(("LOCATION", "ORGANIZATION"))  # in lower case they are mostly other words
_TOKEN = re.compile(r"\w+(?:['’.-]\w+)*|[^\w\s]")
_DIGITS = re.compile(r"\d")

Weights = dict[str, dict[str, float]]
Words = Mapping[str, frozenset[str]]


def spans(text: str) -> list[tuple[str, int, int]]:
    """(type, start, end) of names found, in order. Raises BadInput without the extra `ner`."""
    tokens = list(_TOKEN.finditer(text))
    said = tag([t[0] for t in tokens], _weights(), gazetteer.lists())
    found: list[tuple[str, int, int]] = []
    for token, kind in zip(tokens, said, strict=True):
        if kind == OTHER or (kind in _CAPITALISED and token[0].islower()):
            continue
        if found and found[-1][0] == kind and not text[found[-1][2] : token.start()].strip(" ,.\n"):
            found[-1] = (kind, found[-1][1], token.end())
        elif token[0][0].isalnum():
            found.append((kind, token.start(), token.end()))
    return found


def tag(tokens: Sequence[str], weights: Weights, words: Words) -> list[str]:
    """One of TAGS for each token."""
    hints, before, said = _hints(tokens, words), OTHER, []
    for at in range(len(tokens)):
        scores = dict.fromkeys(TAGS, 0.0)
        for feature in features(tokens, hints, at, before):
            for kind, weight in weights.get(feature, {}).items():
                scores[kind] += weight
        before = max(TAGS, key=scores.__getitem__)
        said.append(before)
    return said


def learn(sentences: Sequence[tuple[list[str], list[str]]], words: Words, epochs: int, seed: int) -> Weights:
    """Averaged weights from (tokens, tags). Word lists are hidden from a third, so that context is learnt too."""
    weights: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    totals: defaultdict[tuple[str, str], float] = defaultdict(float)
    stamps: defaultdict[tuple[str, str], int] = defaultdict(int)
    random_ = random.Random(seed)  # noqa: S311 - shuffles examples
    order, clock = list(range(len(sentences))), 0

    def change(feature: str, kind: str, by: float) -> None:
        key = feature, kind
        totals[key] += (clock - stamps[key]) * weights[feature][kind]
        stamps[key] = clock
        weights[feature][kind] += by

    for _ in range(epochs):
        random_.shuffle(order)
        for which in order:
            tokens, truth = sentences[which]
            hints = _hints(tokens, words if random_.random() > 1 / 3 else {})
            before = OTHER
            for at, right in enumerate(truth):
                clock += 1
                found = features(tokens, hints, at, before)
                scores = dict.fromkeys(TAGS, 0.0)
                for feature in found:
                    for kind, weight in weights[feature].items():
                        scores[kind] += weight
                said = max(TAGS, key=scores.__getitem__)
                if said != right:
                    for feature in found:
                        change(feature, right, 1.0)
                        change(feature, said, -1.0)
                before = said
    averaged: Weights = {}
    for feature, kinds in weights.items():
        for kind, weight in kinds.items():
            mean = (totals[feature, kind] + (clock - stamps[feature, kind]) * weight) / clock
            if abs(mean) >= 0.05:
                averaged.setdefault(feature, {})[kind] = round(mean, 2)
    return averaged


def features(tokens: Sequence[str], hints: Sequence[str], at: int, before: str) -> list[str]:
    """What a decision about token `at` rests on; `before` is the tag of the one before it."""
    word = tokens[at]
    low, shape = word.lower(), _shape(word)
    left, right = (tokens[at - 1] if at else "^"), (tokens[at + 1] if at + 1 < len(tokens) else "$")
    further = tokens[at + 2] if at + 2 < len(tokens) else "$"
    start = "first" if at == 0 or left in '.!?:\n"' else "in"
    hint, left_hint = hints[at], hints[at - 1] if at else ""
    right_hint = hints[at + 1] if at + 1 < len(tokens) else ""
    return [
        "bias",
        f"w={low}",
        f"s={shape}|{start}",
        f"g={hint}|{shape}|{start}",
        f"g={hint}|{right_hint}|{_shape(right)}",
        f"g={left_hint}|{hint}|{before}",
        f"end={low[-3:]}|{shape}",
        f"l={left.lower()}|{shape}",
        f"r={right.lower()}|{shape}",
        f"l={left.lower()}|{before}",
        f"ll={tokens[at - 2].lower() if at > 1 else '^'}|{left.lower()}|{shape}",
        f"rr={right.lower()}|{further.lower()}|{shape}",
        f"t={before}|{shape}",
        f"t={before}|{left}|{shape}",
        f"sh={_shape(left)}|{shape}|{_shape(right)}",
    ]


def _hints(tokens: Sequence[str], words: Words) -> list[str]:
    """For each token the kinds of word lists that hold it, as a short string."""
    return ["".join(kind[0] for kind, held in words.items() if token.lower() in held) for token in tokens]


def _shape(token: str) -> str:
    if _DIGITS.search(token):
        return f"d{len(token)}" if token.isdigit() else "dx"
    if not token[0].isalpha():
        return token if len(token) == 1 else "p"
    if token.isupper():
        return "X" if len(token) == 1 else "XX"
    if token[0].isupper():
        return "Xx"
    return "x"


@lru_cache(maxsize=1)
def _weights() -> Weights:
    packed = files("deskloop.text").joinpath(WEIGHTS).read_bytes()
    return dict(json.loads(gzip.decompress(packed)))
