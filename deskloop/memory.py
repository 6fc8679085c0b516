"""How a process shares its host: memory that was freed, and threads that wait. Knows nothing about who uses them."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os

# Threads of a parallel loop that wait should sleep: spinning, which is the usual way, is a few microseconds faster
# on an idle host and many times slower where others want the same cores. Read once, when torch is imported.
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}


def wait_asleep() -> None:
    """Let threads sleep while they wait, unless the environment says otherwise. Call before importing torch."""
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
