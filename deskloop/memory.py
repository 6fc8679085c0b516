"""Memory that the C library keeps after it was freed. Knows nothing about who used it."""

from __future__ import annotations

import contextlib
import ctypes
import gc


def give_back() -> None:
    """Return what was freed to the system: the C library keeps gigabytes of it otherwise (glibc only)."""
    gc.collect()
    trim()


def trim() -> None:
    """The same without looking for garbage first: a few milliseconds, for use inside a loop."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
