"""The raw area of a source that is read step by step: what it held so far, so that only changes are asked for.

One folder for each source, `<home>/raw/<name>/`, for its owner alone (folders 0700, files 0600).
`segment-N.jsonl` grows by whole pages; `state.json` says how many bytes of each segment count and where to ask
next, and is replaced in one step once the page's rows are safe on disk. What a killed process wrote beyond it
is cut off by the next one and asked for again: nothing is lost, nothing stands twice.
Knows nothing about what the records mean, nor how a source is asked.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deskloop.origins import SourceBase
from deskloop.settings import Settings
from deskloop.sources.batch import digest
from deskloop.sources.erased import Erased, person_keys
from deskloop.store import write_atomic

log = logging.getLogger(__name__)

SEGMENT_BYTES = 64_000_000
SUPERSEDED = 1000  # rows that no longer count, beyond as many as do, before a journal is written anew
FRESH_SECONDS = 600.0  # a run asks for the fingerprint, then reads: within this time that is one sync
DAY = 86_400.0
MARK = "erased at the source's border"  # stands for a record of somebody who asked to be erased

Record = dict[str, Any]
Pages = Callable[[Record | None], "Iterator[Page]"]

_previewing: ContextVar[bool] = ContextVar("previewing", default=False)
_synced: dict[Path, tuple[str, float]] = {}


@dataclass(frozen=True)
class Change:
    """One record as it is now at the source; `record` is JSON, and None if it was deleted there."""

    key: str
    record: Record | None


@dataclass(frozen=True)
class Page:
    """Some changes, and the cursor (JSON) from which to go on once they are kept."""

    changes: tuple[Change, ...]
    cursor: Record


@dataclass
class _State:
    """What counts of a journal. `segments`: bytes by file name; `began`: Unix seconds."""

    identity: str
    began: float
    cursor: Record | None = None
    segments: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    number: int = 0


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
    if not journal.known():
        return []
    marked: dict[str, bool] = {}
    for key, record in journal.rows():
        _put(marked, key, True if record is not None and MARK in record else None)
    return sorted(hashlib.sha256(key.encode()).hexdigest()[:16] for key in marked)


def reset(source: SourceBase, settings: Settings) -> None:
    """Forget what was taken: the next sync asks for everything."""
    journal = _Journal(source, settings)
    if journal.folder.is_dir():
        with journal.alone():
            journal.clear()


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


class _Journal:
    """One source's folder. Every writing method needs `alone`."""

    def __init__(self, source: SourceBase, settings: Settings) -> None:
        self.name = source.name
        self.folder = raw_folder(settings, source.name)
        self.days = settings.preprocess.raw_days
        self.erased = Erased.load(settings)
        self.person_keys = person_keys(source)
        self.identity = digest(source.model_dump(mode="json", exclude={"name", *source.manner}))
        self.state = self._load()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process or thread at a time; the lock ends with its holder, also a killed one."""
        for folder in (self.folder.parent, self.folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self.state = self._load()
            yield
        finally:
            os.close(handle)

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
            self.clear()
        self._sweep()
        told, taken = time.monotonic(), 0
        for page in pages(self.state.cursor):
            self._append(page)
            taken += len(page.changes)
            if time.monotonic() - told > 1:
                log.info("source %s: %s rows taken", self.name, f"{taken:,}")
                told = time.monotonic()
        log.info("source %s: %s rows taken, up to date", self.name, f"{taken:,}")

    def preview(self, pages: Pages) -> dict[str, Record]:
        """What `sync` and `fold` would give, in memory."""
        mine = self.state.identity == self.identity
        found = self.fold(marked=True) if mine else {}
        for page in pages(self.state.cursor if mine else None):
            for change in page.changes:
                _put(found, change.key, self._kept(change))
        return {key: record for key, record in found.items() if MARK not in record}

    def rows(self) -> Iterator[tuple[str, Record | None]]:
        """All rows that count, oldest first, read as a stream."""
        for name, size in self.state.segments.items():
            with (self.folder / name).open("rb") as stream:
                while stream.tell() < size:
                    row = json.loads(stream.readline())
                    yield row["key"], row["record"]

    def latest(self) -> dict[str, str]:
        """Digest of the latest record of each key, without deleted ones."""
        found: dict[str, str] = {}
        for key, record in self.rows():
            _put(found, key, None if record is None else digest(record))
        return found

    def digest(self) -> str:
        """The same for the same records, in whatever order and however many pages they came."""
        return digest(sorted(self.latest().items()))

    def fold(self, marked: bool = False) -> dict[str, Record]:
        """Latest record of each key, without deleted ones and, unless `marked`, without erased ones."""
        found: dict[str, Record] = {}
        for key, record in self.rows():
            _put(found, key, record)
        return found if marked else {k: r for k, r in found.items() if MARK not in r}

    def tidy(self, folded: dict[str, Record]) -> dict[str, Record]:
        """Write the journal anew if most of it is superseded. Returns what it was given."""
        if self.state.rows > 2 * len(folded) + SUPERSEDED:
            self.rewrite(self.fold(marked=True))
        return folded

    def rewrite(self, records: dict[str, Record]) -> None:
        """Replace all segments by one of these records; the cursor stays."""
        self.state.number += 1
        name = f"segment-{self.state.number:06d}.jsonl"
        size = self._write(name, 0, (_line(Change(key, record)) for key, record in records.items()))
        self.state.segments, self.state.rows = {name: size}, len(records)
        self._save()
        self._sweep()

    def clear(self) -> None:
        """Begin anew: state first, so that no segment is ever missed by it."""
        self.state = _State(self.identity, time.time(), number=self.state.number)
        self._save()
        self._sweep()

    def _append(self, page: Page) -> None:
        name, size = next(reversed(self.state.segments.items()), ("", SEGMENT_BYTES))
        if size >= SEGMENT_BYTES:
            self.state.number += 1
            name, size = f"segment-{self.state.number:06d}.jsonl", 0
        lines = [_line(Change(c.key, self._kept(c))) for c in page.changes]
        if lines:
            self.state.segments[name] = self._write(name, size, iter(lines))
            self.state.rows += len(lines)
        if lines or page.cursor != self.state.cursor:
            self.state.cursor = page.cursor
            self._save()

    def _kept(self, change: Change) -> Record | None:
        record = change.record
        return {MARK: True} if record is not None and self.erased.in_raw(record, self.person_keys) else record

    def _write(self, name: str, size: int, lines: Iterator[bytes]) -> int:
        """Put lines behind the first `size` bytes, safe on disk. Returns the segment's new size in bytes."""
        handle = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as stream:
            stream.truncate(size)
            stream.seek(size)
            for line in lines:
                stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
            end = stream.tell()
        if not size:
            _sync_folder(self.folder)
        return end

    def _load(self) -> _State:
        try:
            state = _State(**json.loads((self.folder / "state.json").read_bytes()))
            if all((self.folder / name).stat().st_size >= size for name, size in state.segments.items()):
                return state
            log.warning("source %s: its raw area lacks rows; everything is asked for again", self.name)
        except FileNotFoundError:
            pass
        except (ValueError, TypeError):
            log.warning("source %s: its state cannot be read; everything is asked for again", self.name)
        return _State("", time.time(), number=self._highest())

    def _highest(self) -> int:
        found = sorted(self.folder.glob("segment-*.jsonl"))
        return int(found[-1].stem.partition("-")[2]) if found else 0

    def _save(self) -> None:
        write_atomic(self.folder / "state.json", json.dumps(asdict(self.state)).encode())
        _sync_folder(self.folder)

    def _sweep(self) -> None:
        """Remove segments that the state does not know: left by a killed process, or replaced."""
        for path in self.folder.glob("segment-*.jsonl"):
            if path.name not in self.state.segments:
                path.unlink()


def _put(found: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        found.pop(key, None)
    else:
        found[key] = value


def _line(change: Change) -> bytes:
    row = {"key": change.key, "record": change.record}
    return json.dumps(row, sort_keys=True, default=_plain).encode() + b"\n"


def _plain(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
