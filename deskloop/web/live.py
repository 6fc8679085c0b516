"""The champion as it is being served: watched, loaded aside, swapped without a dropped request.

Each request takes one loaded version and gives it back; a bot that was replaced is closed when its last
request ends. A bundle that cannot be loaded leaves the old one serving. Knows nothing about HTTP.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from deskloop.errors import BadInput
from deskloop.records import Answer
from deskloop.releases import Release, Releases
from deskloop.settings import Settings

RETRY_SECONDS = 30.0
log = logging.getLogger(__name__)


class BotLike(Protocol):
    """What serving needs of a bot. Used from several threads at once."""

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str | Answer]:
        """Pieces of the answer, then the whole Answer."""

    def close(self) -> None:
        """Free what the bot holds; called once, when no request uses it any more."""


LoadBot = Callable[[Path, Settings], BotLike]


def load_bundle(bundle: Path, settings: Settings) -> BotLike:
    """The real bot. Imported here, so that a process without a champion stays light."""
    from deskloop.bot import Bot

    return Bot.load(bundle, settings)


@dataclass
class Loaded:
    """One version in memory. `users` counts the requests that hold it; guarded by its Live."""

    release: Release
    bot: BotLike
    users: int = 0
    replaced: bool = False

    @property
    def name(self) -> str:
        """As API clients see it."""
        return f"deskloop-v{self.release.version}"


class Live:
    """Follows the champion pointer from a thread of its own; looks every `every` seconds."""

    def __init__(self, releases: Releases, settings: Settings, load_bot: LoadBot, every: float = 1.0) -> None:
        self.problem: str | None = None
        self._releases, self._settings, self._load_bot, self._every = releases, settings, load_bot, every
        self._current: Loaded | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._failed: tuple[int, float] | None = None  # version, and when to try it again
        self._thread = threading.Thread(target=self._watch, name="champion-watch", daemon=True)

    def require(self) -> None:
        """Load the champion, if there is one, before anything listens. Raises BadInput if it is broken."""
        champion = self._releases.champion()
        if champion is None:
            return
        try:
            self._swap(Loaded(champion, self._load_bot(champion.path, self._settings)))
        except BadInput as error:
            raise BadInput(f"version {champion.version} cannot be served: {error}") from None
        except Exception:
            return  # may pass, such as a store that cannot be reached: `start` says it and tries again

    def start(self) -> None:
        """Load the champion if there is one, then keep watching."""
        self.look()
        if self._current is None and self.problem is None:
            log.warning("there is no champion yet: answering 503 until `deskloop run` has deployed one")
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; the bot is closed once its requests have ended."""
        self._stop.set()
        self._thread.join(timeout=60)
        self._swap(None)

    def take(self) -> Loaded | None:
        """The version that this request keeps to the end, or None without a champion. Give it back."""
        with self._lock:
            if self._current is not None:
                self._current.users += 1
            return self._current

    def give(self, loaded: Loaded) -> None:
        """The request that took it has ended."""
        with self._lock:
            loaded.users -= 1
            last = loaded.replaced and loaded.users == 0
        if last:
            _close(loaded)

    @property
    def release(self) -> Release | None:
        """What is served now."""
        current = self._current
        return current.release if current else None

    def look(self) -> None:
        """Compare the pointer with what is loaded; load and swap where they differ."""
        try:
            champion = self._releases.champion()
        except SQLAlchemyError as error:
            self._complain(f"the database cannot be read ({type(error).__name__})")
            return
        current = self.release
        if champion is None:
            self.problem = None
            self._swap(None)
        elif current and current.version == champion.version:
            self.problem = None
        elif self._failed is None or self._failed[0] != champion.version or time.monotonic() > self._failed[1]:
            self._load(champion)

    def _load(self, champion: Release) -> None:
        began = time.perf_counter()
        try:
            bot = self._load_bot(champion.path, self._settings)
        except Exception as error:  # whatever is wrong with a bundle, the old one must go on serving
            self._failed = (champion.version, time.monotonic() + RETRY_SECONDS)
            current = self.release
            rest = f"version {current.version} keeps serving" if current else "nothing is served"
            self._complain(f"version {champion.version} cannot be loaded ({_told(error)}); {rest}")
            return
        self._failed = self.problem = None
        self._swap(Loaded(champion, bot))
        log.info("version %d is live, loaded in %.1f s", champion.version, time.perf_counter() - began)

    def _swap(self, new: Loaded | None) -> None:
        with self._lock:
            old, self._current = self._current, new
            if old is not None:
                old.replaced = True
            idle = old is not None and old.users == 0
        if old is not None and idle:
            _close(old)

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self.look()
            except Exception:  # the watch must outlive whatever one look meets
                log.exception("looking for the champion failed; the next look comes in %.0f s", self._every)

    def _complain(self, problem: str) -> None:
        if problem != self.problem:
            log.error("%s", problem)
        self.problem = problem


def _close(loaded: Loaded) -> None:
    try:
        loaded.bot.close()
    except Exception:
        log.exception("version %d did not close cleanly", loaded.release.version)


def _told(error: Exception) -> str:
    line = " ".join(str(error).split())
    return line[:300] if line else type(error).__name__
