"""Words of a text, one rule for every feature. Knows nothing about languages or models."""

from __future__ import annotations

import re

_WORD = re.compile(r"<[A-Z_]+>|[^\W_]+(?:['’][^\W_]+)*")
_NUMBERED = re.compile(r"<([A-Z_]+)_\d+>")


def words(text: str) -> list[str]:
    """Lower-case words in order. A placeholder such as `<PERSON_1>` is one word, `<person>`."""
    return [w.lower() for w in _WORD.findall(_NUMBERED.sub(r"<\1>", text))]
