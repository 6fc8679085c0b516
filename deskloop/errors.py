"""The exceptions that somebody catches; everything else raises what Python has. And what a person is told of one."""

from __future__ import annotations

import errno
from typing import Any

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)
_NO_ROOM = "cannot write {where}: {why}; make room and run it again, nothing was half-written"


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


def one_line(error: BaseException) -> str | None:
    """One line for a person who can mend it; None for a bug, which shows its traceback."""
    if isinstance(error, BadInput | TransientError):
        return " ".join(str(error).split())
    if isinstance(error, OSError):
        return _of_file(error)
    if isinstance(getattr(error, "orig", None), Exception):  # SQLAlchemy's errors hold the driver's
        return _of_database(error)
    if "No space left on device" in str(error):  # from libraries that raise no OSError, such as safetensors
        return _NO_ROOM.format(where="to the home folder", why="No space left on device")
    return None


def _of_file(error: OSError) -> str | None:
    where = error.filename2 or error.filename or "to the home folder"
    if error.errno in _FULL:
        return _NO_ROOM.format(where=where, why=error.strerror)
    if error.errno in _REFUSED:
        return f"cannot read or write {where}: {error.strerror}; nothing was half-written"
    return None


def _of_database(error: Any) -> str | None:
    """A full disk or a server that has gone can be mended; a wrong query is a bug."""
    if type(error).__name__ not in ("OperationalError", "InterfaceError"):
        return None
    first = str(error.orig).splitlines()[0]
    return f"the database cannot be read or written: {first}; nothing was half-written"
