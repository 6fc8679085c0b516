"""The checkable facts of a text, and whether an answer is supported by its sources.

A fact is an amount, share, duration, measure, time, date, weekday, address or number in normal form, so that
"EUR 4,95" and "€4.95" are one; proper names are looked at beside them.
Works on text alone; knows nothing about models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from deskloop.text.quantities import quantities, taken

_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)(?<![\w'’])([^\W\d_]{3,})")
_NEGATION = re.compile(r"\b(?:not|no|never|cannot|nothing|none|without|neither|nor)\b|n['’]t\b", re.I)
_REPLY = re.compile(r"^\W*(?:yes|no)\b\s*,", re.I)
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’])+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_STOP = frozenset(
    """
    a about after all also am an and any are as at be because been before but by can could did do
    does each for from had has have he her here him his how i if in into is it its just may me more
    most must my no not of off on once only or other our out over own please she should so some such
    than that the their them then there these they this those to too under until up us very was we
    were what when where which while who why will with would you your yes sure sorry thank thanks hi
    hello
    """.split()
)
# proper names anyone may say without a source
_COMMON_NAMES = frozenset(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june
    july august september october november december sorry yes please thank thanks you your once use
    the for and our
    """.split()
)

SAME = 0.6  # cosine from which two texts may say the same; chosen on the sample shop's validation split

# kinds of fact that an answer may take from the customer's own words
_ECHOED = ("num:", "code:", "mail:")


@dataclass(frozen=True)
class Support:
    """Whether an answer is supported, and what is not."""

    ok: bool
    missing: tuple[str, ...] = ()


def facts(text: str) -> frozenset[str]:
    """Facts of `text` in normal form, such as `eur:4.95`, `2-4 working day`, `time:15:00`, `num:200`."""
    return quantities(text)


def negated(text: str) -> bool:
    """Whether anything in `text` is denied."""
    return _NEGATION.search(text) is not None


def names(text: str) -> frozenset[str]:
    """Capitalised words inside sentences, lower-cased: places, brands, people, products."""
    _, rest = taken(text)
    return frozenset(m[1].lower() for m in _NAME.finditer(rest) if m[1][0].isupper()) - _COMMON_NAMES


def content_words(text: str) -> frozenset[str]:
    """Lower-cased words that carry meaning, cut to a crude stem of six letters."""
    return frozenset(w[:6] for w in _WORD.findall(text.lower()) if w not in _STOP)


def content(text: str) -> frozenset[str]:
    """What a text speaks of: its content words and facts."""
    return content_words(text) | facts(text)


def supported(answer: str, sources: Iterable[str], said: str = "") -> Support:
    """Is every fact and name of `answer` in the sources, and none of their sentences negated?

    Of what the customer `said`, names, numbers, codes and mail addresses may be repeated; an amount, a time,
    a duration or a link that only the customer claims is no fact.
    """
    texts = list(sources)
    echoed = {fact for fact in facts(said) if fact.startswith(_ECHOED)}
    missing = sorted(facts(answer) - _spread(facts(" \n".join(texts))) - echoed)
    known = {w.lower() for w in re.findall(r"[^\W\d_]+", " ".join([*texts, said]))}
    missing += sorted(names(answer) - known)
    missing += [f"negation: {s}" for s in _flipped(answer, texts)]
    return Support(not missing, tuple(missing))


def correct(answer: str, gold: str, reference: str) -> bool:
    """Does `answer` give what the question needed of the gold entry, and nothing the entry denies?

    Needed are the facts that the human's reference reply took from the entry; where it took none, half of
    the content words that both share; where they share none, half of the entry's.
    """
    if not supported(answer, [gold, reference]).ok:
        return False
    needed = facts(gold) & facts(reference)
    if needed:
        return needed <= _spread(facts(answer))
    words = content_words(gold) & content_words(reference) or content_words(gold)
    return len(words & content_words(answer)) >= 0.5 * len(words)


def agrees(answer: str, reply: str, similarity: float) -> bool:
    """Does `answer` say what a human's `reply` said, given the cosine `similarity` of their vectors?

    A stand-in for a gold entry where nobody named one: near in meaning, no sentence negated, and where both give
    a figure of one kind (an amount, a term), they share one.
    """
    if not answer or not reply or similarity < SAME or _flipped(answer, [reply]):
        return False
    ours, theirs = _by_kind(answer), _by_kind(reply)
    return all(ours[kind] & theirs[kind] for kind in ours.keys() & theirs.keys())


def _by_kind(text: str) -> dict[str, set[str]]:
    """The facts of a text by their unit or currency, those that follow from them included."""
    kinds: dict[str, set[str]] = {}
    for fact in _spread(facts(text)):
        kind = fact.split(":", 1)[0] if ":" in fact else fact.split(" ", 1)[-1]
        if kind != "num":
            kinds.setdefault(kind, set()).add(fact)
    return kinds


def _spread(known: frozenset[str]) -> frozenset[str]:
    """Known facts and those that follow from them.

    The upper end of a range ("up to 4 days" of "2 to 4 days"; the lower end would promise too much), the bare
    number of an amount or measure, a date without its year, the month of a date.
    """
    return known | {more for fact in known for more in _following(fact)}


def _following(fact: str) -> Iterable[str]:
    if measure := re.fullmatch(r"([\d.]+)(?:-([\d.]+))? (.+)", fact):
        top = measure[2] or measure[1]
        return (f"{top} {measure[3]}", f"num:{top}")
    if date := re.fullmatch(r"date:(?:\d{4}-)?(\d\d)-(\d\d)", fact):
        return (f"date:{date[1]}-{date[2]}", f"month:{date[1]}")
    if amount := re.fullmatch(r"(?:eur|usd|gbp|chf|pct):([\d.]+)", fact):
        return (f"num:{amount[1]}",)
    return ()


def _flipped(answer: str, sources: list[str]) -> list[str]:
    """Sentences of the answer that say nearly what a source says, with the opposite sign."""
    told = [_claim(sentence) for text in sources for sentence in _SENTENCE.split(text)]
    flipped = []
    for sentence in _SENTENCE.split(answer):
        said, odd = _claim(sentence)
        same = [(len(said & words) / len(said | words), sign) for words, sign in told if words]
        likeness, sign = max(same, default=(0.0, odd))
        if len(said) > 1 and likeness >= 0.6 and sign != odd:
            flipped.append(sentence)
    return flipped


def _claim(sentence: str) -> tuple[frozenset[str], bool]:
    """What a sentence speaks of, and whether it is denied: an odd number of times, "no," as a reply apart."""
    bare = _REPLY.sub("", sentence)
    return content(bare), len(_NEGATION.findall(bare)) % 2 == 1
