"""Who reads or rewrites what is kept: many runs at once, or one erasure alone. Knows neither flows nor rows.

A lock of the system on a file in the home folder: it ends with its holder, also a killed one. Hosts that share the
home folder see each other's; hosts that share only the store do not.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from deskloop.errors import BadInput
from deskloop.settings import Settings

FILE = "data.lock"


@contextmanager
def reading(settings: Settings) -> Iterator[None]:
    """Hold while rows of customers are on their way. Raises BadInput while somebody is being erased."""
    with _held(settings, fcntl.LOCK_SH, "a customer is being erased right now; try again in a minute"):
        yield


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold while rows are taken out of everything. Raises BadInput while a run may still write them anew."""
    busy = "a run is reading customers' rows and would bring them back; wait until it has ended, or cancel it"
    with _held(settings, fcntl.LOCK_EX, busy):
        yield


@contextmanager
def _held(settings: Settings, kind: int, busy: str) -> Iterator[None]:
    settings.home.mkdir(parents=True, exist_ok=True)
    handle = os.open(settings.home / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(busy) from None
        yield
    finally:
        os.close(handle)
