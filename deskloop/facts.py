"""The checkable facts of a text, and whether an answer is supported by its sources.

A fact is an amount, share, duration, measure, time, date, address, number or proper name in normal form,
so that "EUR 4,95" and "€4.95" are one. Works on text alone; knows nothing about models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_NUMBER_WORDS = {word: str(value) for value, word in enumerate(_WORDS)} | {
    "fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40", "sixty": "60", "ninety": "90",
}  # fmt: skip
_UNITS = {
    "working day": r"(?:working|business|work)[ -]days?",
    "day": "days?", "week": "weeks?", "month": "months?", "year": "years?",
    "hour": "hours?|hrs?|h", "minute": "minutes?|mins?", "second": "seconds?|secs?",
    "km": "km|kilomet(?:re|er)s?", "cm": "cm|centimet(?:re|er)s?", "mm": "mm", "kg": "kg|kilos?", "g": "g|grams?",
    "litre": "l|lit(?:re|er)s?", "degree": r"°\s?c?|degrees?(?: celsius)?", "point": "points?",
}  # fmt: skip
_NUMBER = r"\d+(?:[.,]\d+)?"
_RANGE = rf"({_NUMBER})(?:\s*(?:-|–|to|and)\s*({_NUMBER}))?"
_URL = re.compile(r"https?://[^\s)>\]]+[^\s)>\].,;:!?]")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CODE = re.compile(r"\b(?=[A-Z-]*\d)[A-Z]{1,6}-?\d[\dA-Z-]{3,}\b")
_MONEY = re.compile(
    rf"(?:€|\$|£|\beur(?:os?)?\b)\s*({_NUMBER})|({_NUMBER})\s*(?:€|\beuros?\b|\beur\b|\bdollars?\b)", re.I
)
_PERCENT = re.compile(rf"({_NUMBER})\s*(?:%|percent|per cent)", re.I)
_TIME = re.compile(r"\b(\d{1,2})[:.](\d{2})\b|\b(\d{1,2})\s*(am|pm)\b", re.I)
_MEASURE = [(unit, re.compile(rf"\b{_RANGE}[\s-]*(?:{form})(?![a-z])", re.I)) for unit, form in _UNITS.items()]
_PLAIN = re.compile(rf"(?<![\w.,]){_NUMBER}(?![\w])")
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)(?<![\w'’])([A-Z][a-zA-Zé]{2,})")
_NEGATION = re.compile(r"\b(?:not|no|never|cannot|nothing|none|without|neither|nor)\b|n['’]t\b", re.I)
_WORD = re.compile(r"[a-z][a-z'’]+")
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


@dataclass(frozen=True)
class Support:
    """Whether an answer is supported, and what is not."""

    ok: bool
    missing: tuple[str, ...] = ()


def facts(text: str) -> frozenset[str]:
    """Facts of `text` in normal form, such as `eur:4.95`, `2-4 working day`, `time:15:00`, `num:200`."""
    found: set[str] = set()
    rest = _take(text, _URL, found, lambda m: f"url:{m[0].lower()}")
    rest = _take(rest, _EMAIL, found, lambda m: f"mail:{m[0].lower()}")
    rest = _take(rest, _CODE, found, lambda m: f"code:{m[0]}")
    rest = re.sub(rf"\b({'|'.join(_NUMBER_WORDS)})\b", lambda m: _NUMBER_WORDS[m[0].lower()], rest, flags=re.I)
    rest = _take(rest, _MONEY, found, lambda m: f"eur:{_plain(m[1] or m[2])}")
    rest = _take(rest, _PERCENT, found, lambda m: f"pct:{_plain(m[1])}")
    for unit, pattern in _MEASURE:
        rest = _take(rest, pattern, found, lambda m, unit=unit: _measure(m, unit))
    rest = _take(rest, _TIME, found, _time)
    _take(rest, _PLAIN, found, lambda m: f"num:{_plain(m[0])}")
    return frozenset(found)


def names(text: str) -> frozenset[str]:
    """Capitalised words inside sentences, lower-cased: places, brands, people, products."""
    return frozenset(m[1].lower() for m in _NAME.finditer(text)) - _COMMON_NAMES


def content_words(text: str) -> frozenset[str]:
    """Lower-cased words that carry meaning, cut to a crude stem of six letters."""
    return frozenset(w[:6] for w in _WORD.findall(text.lower()) if w not in _STOP)


def supported(answer: str, sources: Iterable[str], said: str = "") -> Support:
    """Is every fact and name of `answer` in the sources (or in what the customer `said`), none negated?"""
    texts = list(sources)
    evidence = " \n".join([*texts, said])
    missing = sorted(facts(answer) - _spread(facts(evidence)))
    known = {w.lower() for w in re.findall(r"[A-Za-zé]+", evidence)}
    missing += sorted(names(answer) - known)
    missing += [f"negation: {s}" for s in _flipped(answer, texts)]
    return Support(not missing, tuple(missing))


def correct(answer: str, gold: str, reference: str) -> bool:
    """Does `answer` give what the question needed of the gold entry, and nothing the entry denies?

    Needed are the facts that the human's reference reply took from the entry; where it took none, half of
    the content words that both share.
    """
    needed = facts(gold) & facts(reference)
    if not supported(answer, [gold, reference]).ok:
        return False
    if needed:
        return needed <= _spread(facts(answer))
    shared = content_words(gold) & content_words(reference)
    return len(shared & content_words(answer)) >= 0.5 * len(shared)


def _take(text: str, pattern: re.Pattern[str], found: set[str], normal: object) -> str:
    """Add what the pattern finds in normal form, and blank it so that no later pattern reads it again."""

    def note(match: re.Match[str]) -> str:
        found.add(normal(match))  # type: ignore[operator]
        return " ; "

    return pattern.sub(note, text)


def _plain(number: str) -> str:
    value = number.replace(",", ".")
    return value.rstrip("0").rstrip(".") if "." in value else value.lstrip("0") or "0"


def _measure(match: re.Match[str], unit: str) -> str:
    low, high = _plain(match[1]), match[2]
    return f"{low}-{_plain(high)} {unit}" if high else f"{low} {unit}"


def _time(match: re.Match[str]) -> str:
    if match[1]:
        return f"time:{int(match[1])}:{match[2]}"
    hour = int(match[3]) % 12 + (12 if match[4].lower() == "pm" else 0)
    return f"time:{hour}:00"


def _spread(known: frozenset[str]) -> frozenset[str]:
    """Known facts and those that follow: either end of a range, and the number of a measure."""
    more: set[str] = set()
    for fact in known:
        match = re.fullmatch(r"([\d.]+)(?:-([\d.]+))? (.+)", fact)
        if match:
            more |= {f"{n} {match[3]}" for n in (match[1], match[2]) if n}
            more |= {f"num:{n}" for n in (match[1], match[2]) if n}
    return known | more


def _flipped(answer: str, sources: list[str]) -> list[str]:
    """Sentences of the answer that say nearly what a source says, with the opposite sign."""
    told = [(content_words(s), bool(_NEGATION.search(s))) for t in sources for s in _SENTENCE.split(t)]
    flipped = []
    for sentence in _SENTENCE.split(answer):
        words = content_words(sentence)
        if len(words) < 3:
            continue
        same = [(len(words & w) / len(words | w), negated) for w, negated in told if w]
        best = max(same, default=(0.0, False))
        if best[0] >= 0.6 and best[1] != bool(_NEGATION.search(sentence)):
            flipped.append(sentence)
    return flipped
