"""How a process shares its host: memory that was freed, and threads that wait. Knows nothing about who uses them."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
from pathlib import Path

# Threads of a parallel loop that wait should soon sleep: spinning for long is many times slower where others want the
# same cores, sleeping at once a third slower where nobody does. So few turns cost an idle host nothing (measured:
# 7.4 s as with the usual 300,000, at 2,000 turns 9.2, at none 11.1). Read once, when torch is imported.
PATIENT = {"GOMP_SPINCOUNT": "10000"}


def wait_asleep() -> None:
    """Let threads sleep soon while they wait, unless the environment says otherwise. Call before importing torch."""
    for name, value in PATIENT.items():
        os.environ.setdefault(name, value)


_GROWN_BYTES = 256_000_000
_held = 0  # after memory was last given back


def give_back() -> None:
    """Return what was freed to the system: the C library keeps gigabytes of it otherwise (glibc only).

    Garbage is looked for only where the process has grown since the last time: with torch and Prefect loaded that
    takes a third of a second to two seconds.
    """
    global _held
    if _resident() - _held > _GROWN_BYTES:
        gc.collect()
    trim()
    _held = _resident()


def _resident() -> int:
    """Bytes of this process in memory; where the system does not tell, as if it had grown."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return _held + _GROWN_BYTES + 1


def trim() -> None:
    """The same without looking for garbage first: a few milliseconds, for use inside a loop."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
