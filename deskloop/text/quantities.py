"""Amounts, shares, measures, times, dates, addresses and numbers of a text, each in one normal form.

"EUR 4,95" and "€4.95" are both `eur:4.95`. Works on text alone; knows nothing about what is true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Match = re.Match[str]

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
_CURRENCIES = {
    "eur": r"€|euros?\b|eur\b", "usd": r"\$|dollars?\b|usd\b", "gbp": r"£|pounds?\b|gbp\b", "chf": r"chf\b",
}  # fmt: skip
_MONTHS = "january february march april may june july august september october november december".split()
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()

_GROUPED = r"[1-9]\d{0,2}(?:[.,]\d{3})+(?!\d)"  # 1,000 and 1.000 are a thousand
_NUMBER = rf"(?:{_GROUPED}(?:[.,]\d{{1,2}}(?!\d))?|\d+(?:[.,]\d+)?)"
_RANGE = rf"({_NUMBER})(?:\s*(?:-|–|to|and)\s*({_NUMBER}))?"
_URL = re.compile(r"(?:https?://|\bwww\.)[^\s)>\]]+[^\s)>\].,;:!?]", re.I)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_DOMAIN = re.compile(
    r"\b(?:[a-z0-9-]+\.)+(?:com|net|org|info|shop|io|eu|de|nl|be|fr|at|ch|uk|us|example)\b(?:/[\w/.-]*\w)?", re.I
)
_CODE = re.compile(r"\b(?=[A-Z-]*\d)[A-Z]{1,6}-?\d[\dA-Z-]{3,}\b")
_ANY_UNIT = "|".join(_UNITS.values())
_LARGER_WORDS = "|".join(word for word in _NUMBER_WORDS if word != "one")
# "one" is a number before a unit ("one year"), else mostly a pronoun ("another one")
_SPELLED = re.compile(rf"\b(?:one(?=[\s-]+(?:{_ANY_UNIT})(?![a-z]))|{_LARGER_WORDS})\b", re.I)
_MONTH = "(?-i:May)|" + "|".join(rf"{m[:3]}(?:{m[3:]}|{m[3]}?\.?)" for m in _MONTHS if m != "may")
_DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({_MONTH})(?![a-z])(?:,?\s+(\d{{4}})\b)?", re.I)
_MONTH_DAY = re.compile(rf"\b({_MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(\d{{4}})\b)?", re.I)
_ISO_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_DOTTED_DATE = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b")
_LONE_MONTH = re.compile(rf"\b({'|'.join(m for m in _MONTHS if m not in ('may', 'march'))})\b", re.I)
_MAY_OR_MARCH = re.compile(r"\b(?:in|of|until|till|by|from|since|before|after|during) (May|March)\b")
_WEEKDAY = "|".join(_WEEKDAYS)
_WEEKDAY_RANGE = re.compile(rf"\b({_WEEKDAY})s?(?:\s*(?:-|–|to|through|until)\s*({_WEEKDAY})s?)?\b", re.I)
_CLOCK = re.compile(r"\b(\d{1,2})(?:[:.]([0-5]\d))?\s*([ap])\.?m\b|\b(\d{1,2}):([0-5]\d)\b", re.I)
_PERCENT = re.compile(rf"({_NUMBER})\s*(?:%|percent|per cent)", re.I)
_MONEY = [
    (code, re.compile(rf"(?:(?<!\w)(?:{form}))\s*({_NUMBER})|({_NUMBER})\s*(?:{form})", re.I))
    for code, form in _CURRENCIES.items()
]
_MEASURE = [(unit, re.compile(rf"\b{_RANGE}[\s-]*(?:{form})(?![a-z])", re.I)) for unit, form in _UNITS.items()]
_PLAIN = re.compile(rf"(?<![\w.,]){_NUMBER}(?!\w)")


def quantities(text: str) -> frozenset[str]:
    """Normal forms such as `eur:4.95`, `2-4 working day`, `time:15:00`, `date:12-24`, `weekday:monday`, `num:200`."""
    return taken(text)[0]


def taken(text: str) -> tuple[frozenset[str], str]:
    """The quantities in normal form, and the text without them."""
    found: set[str] = set()
    for pattern, normal in _ADDRESSES:
        text = _take(text, pattern, found, normal)
    text = _SPELLED.sub(lambda m: _NUMBER_WORDS[m[0].lower()], text)
    for pattern, normal in _FIGURES:
        text = _take(text, pattern, found, normal)
    return frozenset(found), text


def _take(text: str, pattern: re.Pattern[str], found: set[str], normal: Callable[[Match], Iterator[str]]) -> str:
    """Add what the pattern finds in normal form, and blank it so that no later pattern reads it again."""

    def note(match: Match) -> str:
        found.update(normal(match))
        return " ; "

    return pattern.sub(note, text)


def _plain(number: str) -> str:
    grouped = re.fullmatch(rf"({_GROUPED})(?:[.,](\d{{1,2}}))?", number)
    if grouped:
        number = re.sub(r"[.,]", "", grouped[1]) + (f".{grouped[2]}" if grouped[2] else "")
    value = number.replace(",", ".")
    return value.rstrip("0").rstrip(".") if "." in value else value.lstrip("0") or "0"


def _url(match: Match) -> Iterator[str]:
    yield "url:" + re.sub(r"^(?:https?://)?(?:www\.)?", "", match[0].lower()).rstrip("/")


def _measure(unit: str) -> Callable[[Match], Iterator[str]]:
    def normal(match: Match) -> Iterator[str]:
        low, high = _plain(match[1]), match[2]
        yield f"{low}-{_plain(high)} {unit}" if high else f"{low} {unit}"

    return normal


def _amount(code: str) -> Callable[[Match], Iterator[str]]:
    def normal(match: Match) -> Iterator[str]:
        yield f"{code}:{_plain(match[1] or match[2])}"

    return normal


def _clock(match: Match) -> Iterator[str]:
    hour, minute = int(match[1] or match[4]), match[2] or match[5] or "00"
    if match[3]:
        hour = hour % 12 + (12 if match[3].lower() == "p" else 0)
    yield f"time:{hour}:{minute}"


def _date(year: str | None, month: str, day: str) -> Iterator[str]:
    number = int(month) if month.isdigit() else [m[:3] for m in _MONTHS].index(month[:3].lower()) + 1
    yield f"date:{year + '-' if year else ''}{number:02d}-{int(day):02d}"


def _weekdays(match: Match) -> Iterator[str]:
    first = _WEEKDAYS.index(match[1].lower())
    last = _WEEKDAYS.index(match[2].lower()) if match[2] else first
    for step in range((last - first) % 7 + 1):
        yield f"weekday:{_WEEKDAYS[(first + step) % 7]}"


def _month(match: Match) -> Iterator[str]:
    yield f"month:{_MONTHS.index(match[1].lower()) + 1:02d}"


Forms = list[tuple[re.Pattern[str], Callable[[Match], Iterator[str]]]]

# the order matters: each takes its part out of the text before the next looks
_ADDRESSES: Forms = [
    (_URL, _url),
    (_EMAIL, lambda m: iter([f"mail:{m[0].lower()}"])),
    (_DOMAIN, _url),
    (_ISO_DATE, lambda m: _date(m[1], m[2], m[3])),
    (_CODE, lambda m: iter([f"code:{m[0]}"])),
]
_FIGURES: Forms = [
    (_DOTTED_DATE, lambda m: _date(m[3], m[2], m[1])),
    (_DAY_MONTH, lambda m: _date(m[3], m[2], m[1])),
    (_MONTH_DAY, lambda m: _date(m[3], m[1], m[2])),
    (_LONE_MONTH, _month),
    (_MAY_OR_MARCH, _month),
    (_WEEKDAY_RANGE, _weekdays),
    (_CLOCK, _clock),
    *((pattern, _amount(code)) for code, pattern in _MONEY),
    (_PERCENT, lambda m: iter([f"pct:{_plain(m[1])}"])),
    *((pattern, _measure(unit)) for unit, pattern in _MEASURE),
    (_PLAIN, lambda m: iter([f"num:{_plain(m[0])}"])),
]
