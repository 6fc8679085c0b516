"""What an answer may rest on: found entries without orders to the bot, and what of a written text keeps to the first.

Works on records and text alone; knows nothing about models. Words are compared, not meanings: a sentence that turns
the entry's own words into another claim without figure or denial passes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from deskloop import facts
from deskloop.records import Source
from deskloop.text.commands import commanding, without_commands

# of a team's replies, from which what they add counts as its manner; chosen on the sample shop's validation split
# and a retail desk's training dialogues among 1 to 10 %
OFTEN = 0.05
FEWEST = 3  # replies at least
# said at the start of an answer, in the languages that answers are written in
_YES_OR_NO = re.compile(r"^\W*(yes|no|ja|nee|nein|oui|non|s[ií])\b\s*(?:[,.!:;]+\s*|[–—-]\s+|$)", re.I)
_LETTERS = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")


def clean(hits: Sequence[Source]) -> list[Source]:
    """Without what gives orders to the bot; an entry of nothing else is no source."""
    kept = [hit.model_copy(update={"answer": without_commands(hit.answer)}) for hit in hits]
    return [hit for hit in kept if hit.answer and not commanding(hit.question)]


def texts(sources: Sequence[Source]) -> list[str]:
    """All that each source says, its address included."""
    return [f"{s.question} {s.answer} {s.url or ''}" for s in sources]


def own_words(asked: str, source: Source) -> str:
    """The entry's answer. What begins with yes or no answers the entry's question: unless that is asked, both."""
    if not _YES_OR_NO.match(source.answer) or same_question(asked, source):
        return source.answer
    return f"{source.question}\n{source.answer}"


def same_question(asked: str, source: Source) -> bool:
    """Does the customer ask the entry's question in the same words, but for those that say nothing?"""
    same = facts.content(asked) == facts.content(source.question)
    return same and facts.negated(asked) == facts.negated(source.question)


def sentences(pieces: Iterable[str]) -> Iterator[str]:
    """Whole sentences of a text that arrives in pieces, each with the blank behind it."""
    rest = ""
    for piece in pieces:
        *done, rest = _SENTENCE_END.split(rest + piece)
        yield from (f"{sentence} " for sentence in done)
    if rest.strip():
        yield rest


def holding(
    written: Iterable[str], source: Source, question: str, shop: str, manner: frozenset[str], least: float = 0.0
) -> Iterator[str]:
    """Of written sentences those that rest on the source, then what they left unsaid; none if it is too little.

    Left out are a yes or no that the source does not say, and what repeats. Where a sentence does not hold after
    others were shown ("I am sorry to hear that."), or they told nothing, the source's own words go on. Nothing is
    shown before it says `least` of the source (see `fullness`).
    """
    shown = waiting = ""
    for sentence in _kept(written, source, question, shop, manner):
        waiting += sentence
        if fullness(shown + waiting, source.answer) >= least:
            yield waiting
            shown, waiting = shown + waiting, ""


def _kept(written: Iterable[str], source: Source, question: str, shop: str, manner: frozenset[str]) -> Iterator[str]:
    shown = ""
    told = source.answer if same_question(question, source) else ""
    for sentence in map(partial(_without_yes_or_no, told=told), written):
        said = shown and facts.content(sentence) <= facts.content(shown)
        if not sentence or said or _opens_alike(sentence, source.answer):
            continue
        if not _holds(sentence, source, question, shop, manner) or _affirms(sentence, source.answer, shown):
            break
        yield sentence
        shown += sentence
    else:
        if fullness(shown, source.answer):
            return
    yield from unsaid(source.answer, shown) if shown else ()


def _opens_alike(sentence: str, told: str) -> bool:
    """Is it a courtesy ("Sorry about that.") before what begins with the same word ("Sorry! Keep the item.")?"""
    words, first = (_LETTERS.findall(text.lower())[:1] for text in (sentence, told))
    return words == first and not facts.content_words(sentence) and sentence.strip() not in told


def fullness(text: str, told: str) -> float:
    """Share of the content words and facts of `told` that `text` says; 1 if there are none."""
    wanted = facts.content(told)
    return len(wanted & facts.content(text)) / len(wanted) if wanted else 1.0


def manner(replies: Sequence[tuple[str, Source, str]]) -> frozenset[str]:
    """What a team's replies often add to what was known, from (question, source, reply).

    Content words, and whole sentences without any ("sorry about that."), but for a yes or no.
    """
    counts: Counter[str] = Counter()
    for asked, source, reply in replies:
        counts.update(facts.content_words(reply) - facts.content_words(" ".join([asked, *texts([source])])))
        counts.update({_plain(s) for s in sentences([reply]) if not (facts.content_words(s) or _YES_OR_NO.match(s))})
    return frozenset(said for said, n in counts.items() if n >= max(FEWEST, OFTEN * len(replies)))


def _plain(sentence: str) -> str:
    return sentence.strip().lower()


def _without_yes_or_no(sentence: str, told: str) -> str:
    said, first = _YES_OR_NO.match(sentence), _YES_OR_NO.match(told)
    if not said or (first and first[1].lower() == said[1].lower()):
        return sentence
    rest = sentence[said.end() :]
    return rest[:1].upper() + rest[1:]


def _holds(sentence: str, source: Source, question: str, shop: str, manner: frozenset[str]) -> bool:
    """Does a sentence add something to the customer's own words, and nothing but the source's or the team's manner?

    It denies only where the source or the customer does. A shop may name itself.
    """
    told = [*texts([source]), shop]
    added = facts.content_words(sentence) - facts.content_words(question)
    if not (added or _plain(sentence) in manner) or not added <= facts.content_words(" ".join(told)) | manner:
        return False
    if facts.negated(sentence) and not facts.negated(f"{source.answer} {question}"):
        return False
    return facts.supported(sentence, told, question).ok


def _affirms(sentence: str, told: str, shown: str) -> bool:
    """Does it open without the denial that `told` opens with ("Not in the order itself")? That is the contrary."""
    first, known = next(sentences([told]), ""), facts.content_words(told)
    opens = facts.content_words(sentence) & known and not facts.content_words(shown) & known
    return bool(opens) and facts.negated(first) and not facts.negated(sentence)


def unsaid(told: str, shown: str) -> list[str]:
    """The sentences of `told` of which `shown` says less than half."""
    known = facts.content_words(shown)
    parts = [(sentence, facts.content_words(sentence)) for sentence in sentences([told])]
    return [sentence for sentence, words in parts if len(words & known) < 0.5 * max(1, len(words))]
