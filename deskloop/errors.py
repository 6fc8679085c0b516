"""The exceptions that somebody catches; everything else raises what Python has."""

from __future__ import annotations


class BadInput(Exception):
    """What a person can mend: a config, a file, an address. One line, told as it is; exit code 2."""


class TransientError(Exception):
    """A source or service failed in a way that may pass (5xx, 429, a dropped connection): worth a retry.

    `after` is the number of seconds it asked to be left alone, if it did.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after

    def __reduce__(self) -> tuple[type[TransientError], tuple[str, float | None]]:
        return type(self), (str(self), self.after)


class CorruptBundle(BadInput):
    """A file of a bundle or of the store does not match its digest, or is missing."""
