"""Colleagues' replies in their own words, until the customer has them. Storage holds the redacted form alone.

Only what redaction would change is kept here: one file a reply below the home folder, readable by its owner only,
so that a restarted API still delivers what was written. It goes once the customer's page has shown it, after two
days, or when the customer is erased. On another host a customer reads the redacted form. Knows nothing about HTTP.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from deskloop.store import write_atomic

KEPT_SECONDS = 2 * 24 * 3600


class Outbox:
    """Replies below `home`/outbox, by conversation and message: ids of the API, which hold no path."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "outbox"

    def put(self, conversation: str, message: str, text: str) -> None:
        """Keep the words of one reply. A disk that is full must not stop the reply: it goes out redacted."""
        self._drop_old()
        try:
            write_atomic(self._path(conversation, message), text.encode())
        except OSError:
            self._path(conversation, message).unlink(missing_ok=True)

    def get(self, conversation: str, message: str, stored: str) -> str:
        """The words as written, or else as stored."""
        try:
            return self._path(conversation, message).read_text("utf-8")
        except OSError:
            return stored

    def delivered(self, conversation: str, messages: Iterable[str]) -> None:
        """Drop what the customer has seen."""
        for message in messages:
            self._path(conversation, message).unlink(missing_ok=True)

    def forget(self, conversations: Iterable[str]) -> None:
        """Drop all that was written in these conversations."""
        for conversation in conversations:
            shutil.rmtree(self._folder / conversation, ignore_errors=True)

    def _path(self, conversation: str, message: str) -> Path:
        return self._folder / conversation / message

    def _drop_old(self) -> None:
        for path in self._folder.glob("*/*"):
            if path.stat().st_mtime < time.time() - KEPT_SECONDS:
                path.unlink(missing_ok=True)
