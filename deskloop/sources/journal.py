"""The raw area of a source that is read step by step: what it held so far, so that only changes are asked for.

One folder for each source, `<home>/raw/<name>/`, kept as `segments` says: what a killed process had not made safe is
asked for again. Knows nothing about what the records mean, nor how a source is asked.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from deskloop.origins import SourceBase
from deskloop.settings import Settings
from deskloop.sources.batch import digest
from deskloop.sources.erased import Erased, person_keys
from deskloop.sources.segments import Change, Record, Segments

log = logging.getLogger(__name__)

SUPERSEDED = 1000  # rows that no longer count, beyond as many as do, before a journal is written anew
FRESH_SECONDS = 600.0  # a run asks for the fingerprint, then reads: within this time that is one sync
DAY = 86_400.0
MARK = "erased at the source's border"  # stands for a record of somebody who asked to be erased

Pages = Callable[[Record | None], "Iterator[Page]"]
V = TypeVar("V")

_previewing: ContextVar[bool] = ContextVar("previewing", default=False)
_synced: dict[Path, tuple[str, float]] = {}


@dataclass(frozen=True)
class Page:
    """Some changes, and the cursor (JSON) from which to go on once they are kept."""

    changes: tuple[Change, ...]
    cursor: Record


def follow(source: SourceBase, settings: Settings, pages: Pages) -> dict[str, Record]:
    """Take what changed since last time and return the latest record of each key, without deleted ones.

    `pages(cursor)` asks the source from where the last page ended, or from its beginning for None. Whatever it
    raises passes through; the pages before are kept. Keys come in the order in which they were first seen.
    """
    journal = _Journal(source, settings)
    if _previewing.get():
        return journal.preview(pages)
    with journal.alone():
        if not journal.is_fresh():
            journal.sync(pages)
        _synced.pop(journal.folder, None)
        return journal.tidy(journal.fold())


def fingerprint(source: SourceBase, settings: Settings, pages: Pages) -> str:
    """Digest of the journal after a sync, and of how it is read. The `follow` after it does not sync again."""
    journal = _Journal(source, settings)
    with journal.alone():
        journal.sync(pages)
        content = journal.digest()
    _synced[journal.folder] = journal.state.identity, time.monotonic()
    return digest([source.model_dump(mode="json"), content])


def keys(source: SourceBase, settings: Settings) -> set[str]:
    """Keys of the records kept so far, for a source that must list its own to find what was deleted."""
    journal = _Journal(source, settings)
    return set(journal.latest()) if journal.known() else set()


def records(source: SourceBase, settings: Settings) -> dict[str, Record]:
    """Records kept so far, for a source that asks whether they still hold. Asks nothing itself."""
    journal = _Journal(source, settings)
    return journal.fold() if journal.known() else {}


def erased(source: SourceBase, settings: Settings) -> list[str]:
    """Digests of the keys whose records were not kept because their person asked to be erased."""
    journal = _Journal(source, settings)
    marked = journal.folded(lambda record: True if MARK in record else None) if journal.known() else {}
    return sorted(hashlib.sha256(key.encode()).hexdigest()[:16] for key in marked)


def reset(source: SourceBase, settings: Settings) -> None:
    """Forget what was taken: the next sync asks for everything."""
    journal = _Journal(source, settings)
    if journal.folder.is_dir():
        with journal.alone():
            journal.clear(journal.identity)


def remove(source: SourceBase, settings: Settings, gone: Callable[[Record], bool]) -> int:
    """Take every record out for which `gone` holds, of all its versions. Returns how many keys it were.

    A mark stays in their place, so that the cursor's meaning holds.
    """
    journal = _Journal(source, settings)
    if not journal.folder.is_dir():
        return 0
    with journal.alone():
        found = {key for key, record in journal.rows() if record is not None and gone(record)}
        if found:
            kept = journal.fold(marked=True)
            journal.rewrite({key: {MARK: True} if key in found else record for key, record in kept.items()})
        return len(found)


def count(source: SourceBase, settings: Settings, gone: Callable[[Record], bool]) -> int:
    """How many keys `remove` would take out."""
    journal = _Journal(source, settings)
    return len({key for key, record in journal.rows() if record is not None and gone(record)})


@contextmanager
def preview() -> Iterator[None]:
    """Within it journals are read and added to in memory alone; nothing is written."""
    token = _previewing.set(True)
    try:
        yield
    finally:
        _previewing.reset(token)


def raw_folder(settings: Settings, name: str) -> Path:
    """Where a source's raw records are kept."""
    return settings.home / "raw" / name


class _Journal(Segments):
    """What a source said so far."""

    def __init__(self, source: SourceBase, settings: Settings) -> None:
        super().__init__(raw_folder(settings, source.name))
        self.days = settings.preprocess.raw_days
        self.erased = Erased.load(settings)
        self.person_keys = person_keys(source)
        self.identity = digest(source.model_dump(mode="json", exclude={"name", *source.manner}))

    def known(self) -> bool:
        """Whether what lies there is of this source as it is configured now."""
        return self.state.identity == self.identity and bool(self.state.segments)

    def is_fresh(self) -> bool:
        """Whether this process has just asked the source, for the fingerprint."""
        identity, at = _synced.get(self.folder, ("", 0.0))
        return identity == self.state.identity == self.identity and time.monotonic() - at < FRESH_SECONDS

    def sync(self, pages: Pages) -> None:
        """Keep each page as it comes. An outdated journal, or one of another source, is begun anew."""
        age = time.time() - self.state.began
        if self.state.identity != self.identity or (self.days and age > self.days * DAY):
            self.clear(self.identity)
        self.sweep()
        told, taken = time.monotonic(), 0
        for page in pages(self.state.cursor):
            self.append((Change(c.key, self._kept(c)) for c in page.changes), page.cursor)
            taken += len(page.changes)
            if time.monotonic() - told > 1:
                log.info("source %s: %s rows taken", self.folder.name, f"{taken:,}")
                told = time.monotonic()
        log.info("source %s: %s rows taken, up to date", self.folder.name, f"{taken:,}")

    def preview(self, pages: Pages) -> dict[str, Record]:
        """What `sync` and `fold` would give, in memory."""
        mine = self.state.identity == self.identity
        found = self.fold(marked=True) if mine else {}
        for page in pages(self.state.cursor if mine else None):
            for change in page.changes:
                _put(found, change.key, self._kept(change))
        return _unmarked(found)

    def latest(self) -> dict[str, str]:
        """Digest of the latest record of each key, without deleted ones."""
        return self.folded(digest)

    def digest(self) -> str:
        """The same for the same records, in whatever order and however many pages they came."""
        return digest(sorted(self.latest().items()))

    def fold(self, marked: bool = False) -> dict[str, Record]:
        """Latest record of each key, without deleted ones and, unless `marked`, without erased ones."""
        found = self.folded(lambda record: record)
        return found if marked else _unmarked(found)

    def tidy(self, folded: dict[str, Record]) -> dict[str, Record]:
        """Write the journal anew if most of it is superseded. Returns what it was given."""
        if self.state.rows > 2 * len(folded) + SUPERSEDED:
            self.rewrite(self.fold(marked=True))
        return folded

    def folded(self, kept: Callable[[Record], V | None]) -> dict[str, V]:
        """What is kept of the latest record of each key, in the order in which the keys were first seen."""
        found: dict[str, V] = {}
        for key, record in self.rows():
            _put(found, key, None if record is None else kept(record))
        return found

    def _kept(self, change: Change) -> Record | None:
        record = change.record
        return {MARK: True} if record is not None and self.erased.in_raw(record, self.person_keys) else record


def _put(found: dict[str, V], key: str, value: V | None) -> None:
    if value is None:
        found.pop(key, None)
    else:
        found[key] = value


def _unmarked(found: dict[str, Record]) -> dict[str, Record]:
    return {key: record for key, record in found.items() if MARK not in record}
