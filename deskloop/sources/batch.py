"""What a source gives, and the builder that every source fills. Knows no kind of source."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from deskloop.errors import BadInput
from deskloop.origins import Dates, SourceBase
from deskloop.records import Attachment, Conversation, KnowledgeEntry, Lineage, Quarantined, Record, Turn
from deskloop.sources.times import blank, moment
from deskloop.store import sha256_file

log = logging.getLogger(__name__)

_EXCERPT = 200
_QUOTED = 40
_KINDS: dict[str, type[Record]] = {
    "conversations": Conversation,
    "knowledge": KnowledgeEntry,
    "quarantined": Quarantined,
}
_CAPITALISED = re.compile(r"\b[^\W\d_a-z][^\W\d_]*[a-zà-ÿ][\w'-]*")


@dataclass(frozen=True)
class Batch:
    """Records of one source. Always `read == len(conversations) + len(knowledge) + len(quarantined)`."""

    conversations: list[Conversation]
    knowledge: list[KnowledgeEntry]
    quarantined: list[Quarantined]
    read: int

    def save(self, folder: Path) -> int:
        """Write the batch as JSON lines, for the owner's eyes, one file per kind. Returns the number of records."""
        for name in _KINDS:
            path = folder / f"{name}.jsonl"
            path.touch(mode=0o600)
            with path.open("w", encoding="utf-8") as stream:
                stream.writelines(f"{record.model_dump_json()}\n" for record in getattr(self, name))
        return self.read

    @classmethod
    def load(cls, folder: Path) -> Batch:
        """Read back what `save` wrote."""
        found: dict[str, list[Any]] = {name: list(saved(folder, name)) for name in _KINDS}
        return cls(**found, read=sum(map(len, found.values())))

    @classmethod
    def joined(cls, parts: Iterable[Batch]) -> Batch:
        """One batch of several."""
        held = list(parts)
        if len(held) == 1:
            return held[0]
        found: dict[str, list[Any]] = {name: [r for part in held for r in getattr(part, name)] for name in _KINDS}
        return cls(**found, read=sum(part.read for part in held))

    def parts(self, rows: int) -> Iterator[Batch]:
        """Batches of at most `rows` conversations; all else goes with the first."""
        rest = Batch([], self.knowledge, self.quarantined, len(self.knowledge) + len(self.quarantined))
        for start in range(0, max(len(self.conversations), 1), rows):
            some = self.conversations[start : start + rows]
            yield Batch(some, rest.knowledge, rest.quarantined, len(some) + rest.read)
            rest = Batch([], [], [], 0)


def saved(folder: Path, name: str) -> Iterator[Any]:
    """Records of one kind that `Batch.save` wrote: `conversations`, `knowledge` or `quarantined`."""
    with (folder / f"{name}.jsonl").open("rb") as stream:
        yield from map(_KINDS[name].model_validate_json, stream)


@dataclass
class Tally:
    """Counts of a source's batches, as they come."""

    conversations: int = 0
    knowledge: int = 0
    quarantined: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def read(self) -> int:
        """Rows of all kinds."""
        return self.conversations + self.knowledge + self.quarantined

    def add(self, batch: Batch) -> Batch:
        """Count a batch and give it back."""
        self.conversations += len(batch.conversations)
        self.knowledge += len(batch.knowledge)
        self.quarantined += len(batch.quarantined)
        self.reasons.update(row.reason for row in batch.quarantined)
        return batch


@dataclass
class Builder:
    """Collects a source's records so that its counts add up. `dates`: the order in which the source writes them."""

    source: str
    dates: Dates = "iso"
    conversations: list[Conversation] = field(default_factory=list)
    knowledge: list[KnowledgeEntry] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    undated: dict[str, str] = field(default_factory=dict)  # locators of rows with a time that cannot be read, and it

    def moment(self, value: Any, locator: str) -> datetime | None:
        """A time of a row; the row is kept without it where it cannot be read, and `batch` tells of that."""
        found = moment(value, self.dates)
        if found is None and not blank(value):
            self.undated.setdefault(locator, str(value))
        return found

    def conversation(self, locator: str, raw: Any, attachments: Iterable[Attachment] = (), **values: Any) -> None:
        """Accept a conversation, or set it aside if its fields do not fit."""
        try:
            files = tuple(attachments)
            lineage = Lineage(source=self.source, locator=locator, sha256=digest(raw), attachments=files)
            record = Conversation(source=self.source, lineage=lineage, **values)
        except (ValueError, TypeError) as error:
            self.refuse(locator, f"malformed: {_first_line(error)}", raw)
            return
        if any(t.role == "customer" and t.text.strip() for t in record.turns):
            self.conversations.append(record)
        else:
            self.refuse(locator, "no customer message", raw)

    def entry(self, locator: str, raw: Any, **values: Any) -> None:
        """Accept a knowledge entry, or set it aside if its fields do not fit."""
        try:
            record = KnowledgeEntry(source=self.source, **values)
        except (ValueError, TypeError) as error:
            self.refuse(locator, f"malformed: {_first_line(error)}", raw)
            return
        if record.question.strip() and record.answer.strip():
            self.knowledge.append(record)
        else:
            self.refuse(locator, "empty question or answer", raw)

    def refuse(self, locator: str, reason: str, raw: Any = "") -> None:
        """Set a row aside."""
        told = {"locator": locator, "reason": reason, "excerpt": excerpt(raw)}
        readable = {name: text.encode("utf-8", "replace").decode() for name, text in told.items()}
        self.quarantined.append(Quarantined(source=self.source, **readable))

    def batch(self, where: object) -> Batch:
        """The finished batch. Raises BadInput if nothing at all was read from `where`."""
        read = len(self.conversations) + len(self.knowledge) + len(self.quarantined)
        if not read:
            raise BadInput(f"source {self.source}: {where} is empty; give it at least one row or remove it")
        if self.undated:
            first = excerpt(next(iter(self.undated.values())))[:_QUOTED]
            log.warning(
                "source %s: in %s of %s rows a time cannot be read, such as %r: they are kept without it; write "
                "2026-11-02 14:03, or set `dates: day_first` or `month_first` where the source takes it",
                self.source, f"{len(self.undated):,}", f"{read:,}", first,
            )  # fmt: skip
            self.undated.clear()
        return Batch(self.conversations, self.knowledge, self.quarantined, read)


def digest(raw: Any) -> str:
    """Hex digest of a raw row: of its bytes, or of its canonical JSON."""
    if isinstance(raw, str):
        raw = raw.encode("utf-8", "surrogatepass")
    if not isinstance(raw, bytes):
        raw = json.dumps(raw, sort_keys=True, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
    return hashlib.sha256(raw).hexdigest()


def excerpt(raw: Any, names: Iterable[str] = ()) -> str:
    """The beginning of a row for people to recognise it by, personal data redacted.

    Of a record only the fields' names are shown; in text of no known form every capitalised word is masked.
    """
    from deskloop.text.pii import redact

    if isinstance(raw, dict):
        return f"fields: {', '.join(map(str, raw))}"[:_EXCERPT]
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    short = redact(" ".join(text[: 4 * _EXCERPT].split()), names)[:_EXCERPT]
    return _CAPITALISED.sub("*", short) if isinstance(raw, bytes) or '{"' in text or '":' in text else short


def turn(role: str, text: Any, at: Any = None) -> Turn:
    """One turn, its time parsed. Raises ValueError on an unknown role."""
    return Turn(role=role, text=str(text), at=moment(at))


def existing(source: SourceBase, path: Path) -> Path:
    """`path` if it is there, a file or a folder. Raises BadInput."""
    try:
        there = path.exists()
    except OSError as error:  # a name that no file can have
        raise BadInput(f"source {source.name}: path of {len(str(path)):,} characters: {error.strerror}") from None
    if not there:
        raise BadInput(f"source {source.name}: {path} does not exist; check `path` in the config")
    if not (path.is_file() or path.is_dir()):  # who opens a pipe waits for ever
        raise BadInput(f"source {source.name}: {path} is neither a file nor a folder; check `path` in the config")
    return path


def visible_files(folder: Path) -> list[Path]:
    """The files of a folder and of the folders in it, by name, but hidden ones; no link to a folder is followed."""
    shown = (p for p in folder.rglob("*") if not any(part.startswith(".") for part in p.relative_to(folder).parts))
    return sorted(p for p in shown if p.is_file())


def found_in(folder: Path, files: list[Path]) -> str:
    """What a folder holds instead of what was wanted, for a person: `files: 2 of .pdf, 1 of .txt`, or `nothing`."""
    kinds = Counter(p.suffix.lower() or "no suffix" for p in files).most_common(4)
    told = ", ".join(f"{count} of {kind}" for kind, count in kinds)
    folders = sum(p.is_dir() for p in folder.iterdir())
    return f"files: {told}" if told else f"{folders} folders without files" if folders else "nothing"


def path_fingerprint(source: SourceBase, path: Path, *salt: object) -> str:
    """Digest of a file, or of every file of a folder, together with how it is read."""
    existing(source, path)
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    parts = [f"{p.relative_to(path)}:{sha256_file(p)}" for p in files]
    return digest([source.model_dump(mode="json", exclude={"path"}), *map(str, salt), *parts])


def _first_line(error: Exception) -> str:
    if hasattr(error, "errors"):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:160]
    return str(error).split("\n")[0][:160]
