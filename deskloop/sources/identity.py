"""Keyed hashes for customers: one person is recognised across rows, and nobody can be read back.

The key lives in the home folder, readable by its owner alone; without it a hash cannot be tested for a person.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

from deskloop.settings import Settings

KEY_FILE = "customer.key"


def customer_hash(who: object, settings: Settings) -> str | None:
    """HMAC-SHA256 (RFC 2104) of an address or id in its usual spelling, 24 hex digits; None for nobody."""
    name = str(who or "").strip().lower()
    if not name:
        return None
    return hmac.new(_key(settings.home / KEY_FILE), name.encode(), hashlib.sha256).hexdigest()[:24]


@lru_cache(maxsize=8)
def _key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # O_EXCL: of two processes that start at once, one makes the key and the other reads it.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _existing(path)
    with os.fdopen(handle, "w") as stream:
        stream.write(secrets.token_hex(32))
    return _existing(path)


def _existing(path: Path) -> bytes:
    import time

    for _ in range(100):
        key = path.read_bytes()
        if len(key) == 64:
            return key
        time.sleep(0.01)  # the other process has made the file and not yet filled it
    raise ValueError(f"{path} should hold 64 hex digits, got {len(key)} bytes; delete it to have a new one made")
