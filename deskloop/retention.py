"""How long raw rows stay: batches end with `preprocess.raw_days`, as the raw areas do."""

from __future__ import annotations

import logging
import time

from deskloop.settings import Settings
from deskloop.store import raw_store

log = logging.getLogger(__name__)
REMEMBERED = 0.9  # of those days: a run that finds a batch in the cache has the rest of them to read it
_DAY = 86_400.0


def forget(settings: Settings) -> int:
    """Remove batches older than `raw_days`; cleaned data stays. Returns how many."""
    days = settings.preprocess.raw_days
    if not days:
        return 0
    store = raw_store(settings)
    old = store.older("batch", time.time() - days * _DAY)
    for digest in old:
        store.remove(digest)
    if old:
        log.info("%d batches older than %d days removed", len(old), days)
    return len(old)
