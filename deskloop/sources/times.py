"""Times as people and programs write them. What could mean two days is not guessed at."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from deskloop.origins import Dates

_YEAR_LAST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[\s,T]+(.+))?", re.S)
_YEAR_FIRST = re.compile(r"\d{4}([./-])\d{1,2}\1\d{1,2}(?:[\s,T].*)?", re.S)
_MONTH_NAMED = re.compile(r".*[a-z]{3}.*\b\d{4}\b.*", re.I | re.S)
_LONGEST = 60
_EARLIEST = 1e8  # seconds since 1970: March 1973
# two days that share nothing: what a text does not say comes from them, and a time needs all its parts said
_UNSAID = datetime(2001, 1, 1), datetime(2004, 2, 2)


def blank(value: Any) -> bool:
    """Is there nothing that could be a time?"""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def moment(value: Any, dates: Dates = "iso") -> datetime | None:
    """A time in UTC from ISO text, mail's form, a named month, a date, or seconds or milliseconds since 1970.

    Of 3/4/2026 `dates` tells the order, and without it there is none to read; 3.4.2026 is the third of April. A
    time without a zone is UTC. None where nothing can be read.
    """
    if blank(value):
        return None
    try:
        found = _text(value.strip(), dates) if isinstance(value, str) else _other(value)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _other(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, bool):
        raise TypeError(value)
    if hasattr(value, "isoformat"):
        return datetime.fromisoformat(value.isoformat())
    return _since_1970(float(value))


def _since_1970(seconds: float) -> datetime:
    if seconds < _EARLIEST:  # a row number, a year, an Excel day
        raise ValueError(seconds)
    return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)


def _text(text: str, dates: Dates) -> datetime:
    if text.replace(".", "", 1).isdigit() and len(text) != len("20261102"):
        return _since_1970(float(text))
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        from dateutil.parser import parse

        found, again = (parse(_year_first(text, dates), default=day) for day in _UNSAID)
        if found != again:
            raise
        return found


def _year_first(text: str, dates: Dates) -> str:
    """The same with its year first, as it can be read in one way alone. Raises ValueError if there are two."""
    if len(text) > _LONGEST:
        raise ValueError(text)
    if _YEAR_FIRST.fullmatch(text) or _MONTH_NAMED.fullmatch(text):
        return text
    parts = _YEAR_LAST.fullmatch(text)
    if parts is None or (parts[2] != "." and dates == "iso"):
        raise ValueError(text)
    month, day = (parts[1], parts[3]) if dates == "month_first" and parts[2] != "." else (parts[3], parts[1])
    return f"{parts[4]}-{datetime(int(parts[4]), int(month), int(day)):%m-%d} {parts[5] or ''}".strip()
