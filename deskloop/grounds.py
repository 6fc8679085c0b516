"""What an answer may rest on: found entries without orders to the bot, and sentences that keep to the first of them.

Works on records and text alone; knows nothing about models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from deskloop import facts
from deskloop.records import Source
from deskloop.text.commands import commanding, without_commands

# of the shorter source's words, from which two say much the same: 1 % of the sample shop's pairs of pages do, and two
# in three of the first two past answers found on a desk's training dialogues
ALIKE = 0.4
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")


def clean(hits: Sequence[Source]) -> list[Source]:
    """Without what gives orders to the bot; an entry of nothing else is no source."""
    kept = [hit.model_copy(update={"answer": without_commands(hit.answer)}) for hit in hits]
    return [hit for hit in kept if hit.answer and not commanding(hit.question)]


def texts(sources: Sequence[Source]) -> list[str]:
    """All that each source says, its address included."""
    return [f"{s.question} {s.answer} {s.url or ''}" for s in sources]


def sentences(pieces: Iterable[str]) -> Iterator[str]:
    """Whole sentences of a text that arrives in pieces, each with the blank behind it."""
    rest = ""
    for piece in pieces:
        *done, rest = _SENTENCE_END.split(rest + piece)
        yield from (f"{sentence} " for sentence in done)
    if rest.strip():
        yield rest


def unsaid(told: str, shown: str) -> list[str]:
    """The sentences of `told` of which `shown` says less than half."""
    known = facts.content_words(shown)
    parts = [(sentence, facts.content_words(sentence)) for sentence in sentences([told])]
    return [sentence for sentence, words in parts if len(words & known) < 0.5 * max(1, len(words))]


def rests_on_first(sentence: str, sources: Sequence[Source]) -> bool:
    """Does the sentence share at least as many words with the first source as with any that tells something else?

    Past answers to the same question say much the same: what rests on one of those rests on the first, too.
    """
    said = facts.content_words(sentence)
    first, *others = [facts.content_words(f"{s.question} {s.answer}") for s in sources] or [said]
    strangers = [words for words in others if not _alike(words, first)]
    return all(len(said & first) >= len(said & words) for words in strangers)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= ALIKE * max(1, min(len(one), len(other)))
