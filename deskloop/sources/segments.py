"""Rows that grow by whole pages in one folder, for its owner alone (folders 0700, files 0600).

`segment-N.jsonl` holds rows; `state.json` says how many bytes of each segment count and what the reader needs to go
on, and is replaced in one step once the rows before it are safe on disk. What a killed process wrote beyond it is
cut off by the next one: nothing is lost, nothing stands twice. Knows nothing about sources or what the rows mean.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deskloop.store import write_atomic

log = logging.getLogger(__name__)

SEGMENT_BYTES = 64_000_000

Record = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One record as it is now at the source; `record` is JSON, and None if it was deleted there."""

    key: str
    record: Record | None


@dataclass
class State:
    """What counts. `identity`: of what the rows are; `segments`: bytes by file name; `began`: Unix seconds."""

    identity: str
    began: float
    cursor: Record | None = None
    segments: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    number: int = 0


class Segments:
    """One folder. Every writing method needs `alone`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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

    def rows(self) -> Iterator[tuple[str, Record | None]]:
        """All rows that count, oldest first, read as a stream."""
        for name, size in self.state.segments.items():
            with (self.folder / name).open("rb") as stream:
                while stream.tell() < size:
                    row = json.loads(stream.readline())
                    yield row["key"], row["record"]

    def append(self, changes: Iterable[Change], cursor: Record) -> None:
        """Keep a page's rows, and then where to go on."""
        name, size = next(reversed(self.state.segments.items()), ("", SEGMENT_BYTES))
        if size >= SEGMENT_BYTES:
            name, size = self._new(), 0
        lines = [_line(change) for change in changes]
        if lines:
            self.state.segments[name] = self._write(name, size, lines)
            self.state.rows += len(lines)
        if lines or cursor != self.state.cursor:
            self.state.cursor = cursor
            self._save()

    def rewrite(self, records: dict[str, Record]) -> None:
        """Replace all segments by one of these records; the cursor stays."""
        name = self._new()
        size = self._write(name, 0, (_line(Change(key, record)) for key, record in records.items()))
        self.state.segments, self.state.rows = {name: size}, len(records)
        self._save()
        self.sweep()

    def clear(self, identity: str) -> None:
        """Begin anew: state first, so that no segment is ever missed by it."""
        self.state = State(identity, time.time(), number=self.state.number)
        self._save()
        self.sweep()

    def sweep(self) -> None:
        """Remove segments that the state does not know: left by a killed process, or replaced."""
        for path in self.folder.glob("segment-*.jsonl"):
            if path.name not in self.state.segments:
                path.unlink()

    def _new(self) -> str:
        self.state.number += 1
        return f"segment-{self.state.number:06d}.jsonl"

    def _write(self, name: str, size: int, lines: Iterable[bytes]) -> int:
        """Put lines behind the first `size` bytes, safe on disk. Returns the segment's new size in bytes."""
        handle = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as stream:
            stream.truncate(size)
            stream.seek(size)
            stream.writelines(lines)
            stream.flush()
            os.fsync(stream.fileno())
            end = stream.tell()
        if not size:
            _sync_folder(self.folder)
        return end

    def _load(self) -> State:
        try:
            state = State(**json.loads((self.folder / "state.json").read_bytes()))
            if all((self.folder / name).stat().st_size >= size for name, size in state.segments.items()):
                return state
            log.warning("source %s: its raw area lacks rows; everything is asked for again", self.folder.name)
        except FileNotFoundError:
            pass
        except (ValueError, TypeError):
            log.warning("source %s: its state cannot be read; everything is asked for again", self.folder.name)
        return State("", time.time(), number=self._highest())

    def _highest(self) -> int:
        found = sorted(self.folder.glob("segment-*.jsonl"))
        return int(found[-1].stem.partition("-")[2]) if found else 0

    def _save(self) -> None:
        write_atomic(self.folder / "state.json", json.dumps(asdict(self.state)).encode())
        _sync_folder(self.folder)


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
