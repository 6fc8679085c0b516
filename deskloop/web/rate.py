"""How often one client may speak. Knows neither HTTP nor who the clients are."""

from __future__ import annotations

import threading
import time


class RateLimit:
    """A token bucket per client: `per_minute` at once, refilled evenly."""

    def __init__(self, per_minute: int, clients: int = 10_000) -> None:
        self._size, self._clients = float(per_minute), clients
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, client: str, now: float | None = None) -> float:
        """Take one token. Returns 0, or the seconds until there is one."""
        now = time.monotonic() if now is None else now
        with self._lock:
            left, at = self._buckets.pop(client, (self._size, now))
            left = min(self._size, left + (now - at) * self._size / 60)
            allowed = left >= 1
            self._buckets[client] = (left - 1 if allowed else left, now)
            while len(self._buckets) > self._clients:  # the one unseen for longest goes first
                self._buckets.pop(next(iter(self._buckets)))
        return 0.0 if allowed else (1 - left) * 60 / self._size
