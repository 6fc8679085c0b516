"""How a process shares its host: memory that was freed, and threads that wait. Knows nothing about who uses them."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os

# Threads of a parallel loop that wait should soon sleep: spinning for long is many times slower where others want the
# same cores, sleeping at once a third slower where nobody does. So few turns cost an idle host nothing (measured:
# 7.4 s as with the usual 300,000, at 2,000 turns 9.2, at none 11.1). Read once, when torch is imported.
PATIENT = {"GOMP_SPINCOUNT": "10000"}


def wait_asleep() -> None:
    """Let threads sleep soon while they wait, unless the environment says otherwise. Call before importing torch."""
    for name, value in PATIENT.items():
        os.environ.setdefault(name, value)


def give_back() -> None:
    """Return what was freed to the system: the C library keeps gigabytes of it otherwise (glibc only)."""
    gc.collect()
    trim()


def trim() -> None:
    """The same without looking for garbage first: a few milliseconds, for use inside a loop."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
