"""Another try for what may pass by itself: a busy server, a dropped connection. Knows nothing about HTTP or IMAP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from deskloop.errors import TransientError

TRIES = 4
_FIRST = 0.2
_LONGEST = 120.0

T = TypeVar("T")


def patient(call: Callable[[], T]) -> T:
    """What `call` returns, tried up to four times while it raises TransientError.

    Waits as long as the server asked, at most 120 seconds (asked for more, it gives up at once and leaves the
    rest to the stage's own retries), else 0.2, 0.4 and 0.8 seconds. Raises the last TransientError.
    """
    trying = Retrying(retry=retry_if_exception_type(TransientError), wait=_pause, stop=_enough, reraise=True)
    return trying(call)


def retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3): a number or a date; None if there is none to read."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


def _asked(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.after if isinstance(error, TransientError) else None


def _pause(state: RetryCallState) -> float:
    asked = _asked(state)
    return asked if asked is not None else _FIRST * 2.0 ** (state.attempt_number - 1)


def _enough(state: RetryCallState) -> bool:
    return state.attempt_number >= TRIES or (_asked(state) or 0.0) > _LONGEST
