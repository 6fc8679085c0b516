"""What an answer may rest on: found entries without orders to the bot, and what of a written text keeps to the first.

Works on records and text alone; knows nothing about models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from deskloop import facts
from deskloop.records import Source
from deskloop.text.commands import commanding, without_commands

# of the shorter source's words, from which two say much the same: 1 % of the sample shop's pairs of pages do, and two
# in three of the first two past answers found on a desk's training dialogues
ALIKE = 0.4
# said at the start of an answer, in the languages that answers are written in
_YES_OR_NO = re.compile(r"^\s*(?:yes|no|ja|nee|nein|oui|non|s[ií])\b\s*[,.!:;]\s*", re.I)
_KIND = re.compile(
    r"\b(?:sorry|thank|apolog|hello|hi\b|welcome|glad|spijt|helaas|dank|bedankt|welkom|entschuldig|leid|willkommen|"
    r"désolé|merci|bonjour|bienvenue|gracias|siento|lament|hola|bienvenid)",
    re.I,
)
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


def holding(
    written: Iterable[str], sources: Sequence[Source], question: str, own: Sequence[str] = (), least: float = 0.0
) -> Iterator[str]:
    """Of written sentences those that rest on the first source, then what they left unsaid; none if it is too little.

    Confidence speaks of the first source alone; the others must not slip in. `own` are texts that may be said, too,
    such as the shop's name. Left out are a yes or no that the source does not say, and sentences that say nothing of
    its answer, but for kind words, once. Where a sentence does not hold after others were shown ("I am sorry to hear
    that."), or they told nothing, the source's own words go on. With `least`, nothing is shown before all is known to
    say so much of the source (see `fullness`).
    """
    kept = _kept(written, sources, question, own)
    if least:
        text = "".join(kept)
        kept = iter([text] if fullness(text, sources[0].answer) >= least else [])
    yield from kept


def _kept(written: Iterable[str], sources: Sequence[Source], question: str, own: Sequence[str]) -> Iterator[str]:
    told, shown, kind = sources[0].answer, "", False
    for sentence in map(partial(_without_yes_or_no, told=told), written):
        if not _holds(sentence, sources, question, own):
            break
        if not fullness(sentence, told):
            if kind or not _kind(sentence):
                continue
            kind = True
        yield sentence
        shown += sentence
    else:
        if fullness(shown, told):
            return
    yield from unsaid(told, shown) if shown else ()


def fullness(text: str, told: str) -> float:
    """Share of the content words of `told` that `text` says; 1 if there are none."""
    words = facts.content_words(told)
    return len(words & facts.content_words(text)) / len(words) if words else 1.0


def _without_yes_or_no(sentence: str, told: str) -> str:
    said = _YES_OR_NO.match(sentence)
    if not said or _YES_OR_NO.match(told):
        return sentence
    rest = sentence[said.end() :]
    return rest[:1].upper() + rest[1:]


def _kind(sentence: str) -> bool:
    return _KIND.search(sentence) is not None and not facts.negated(sentence)


def _holds(sentence: str, sources: Sequence[Source], question: str, own: Sequence[str]) -> bool:
    told = [*texts(sources[:1]), *own]
    return (
        facts.supported(sentence, told, question).ok
        and _mostly_said(sentence, told)
        and rests_on_first(sentence, sources)
    )


def _mostly_said(sentence: str, told: Sequence[str]) -> bool:
    """Are at most half of its words new, or one? Kind words may be."""
    words = facts.content_words(sentence)
    return len(words - facts.content_words(" ".join(told))) <= max(1, len(words) // 2)


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
