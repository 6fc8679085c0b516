"""The knowledge that every partition is cleaned with: checked entries, and what they make public.

Knows nothing about conversations or where data is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deskloop.origins import ImapSource, MailSource
from deskloop.records import KnowledgeEntry, Quarantined
from deskloop.settings import Settings
from deskloop.text.language import detect
from deskloop.text.normalise import normalise
from deskloop.text.pii import find
from deskloop.text.tokens import words


@dataclass(frozen=True)
class Known:
    """Entries without repeats, what was set aside, and what is the shop's own or printed in its knowledge."""

    entries: list[KnowledgeEntry]
    aside: list[Quarantined]
    public: tuple[str, ...]

    @classmethod
    def of(cls, found: Iterable[KnowledgeEntry], settings: Settings) -> Known:
        """Approved entries, each text and id once, in one spelling."""
        aside: list[Quarantined] = []
        entries = _kept(found, aside)
        return cls(entries, aside, _public(entries, settings))

    def save(self, folder: Path) -> int:
        """Write it into a folder. Returns the number of entries."""
        _write(folder / "entries.jsonl", self.entries)
        _write(folder / "aside.jsonl", self.aside)
        (folder / "public.json").write_text(json.dumps(self.public), "utf-8")
        return len(self.entries)

    @classmethod
    def load(cls, folder: Path) -> Known:
        """Read back what `save` wrote."""
        return cls(
            [KnowledgeEntry.model_validate_json(line) for line in (folder / "entries.jsonl").open("rb")],
            [Quarantined.model_validate_json(line) for line in (folder / "aside.jsonl").open("rb")],
            tuple(json.loads((folder / "public.json").read_text("utf-8"))),
        )


def _write(path: Path, rows: Iterable[KnowledgeEntry | Quarantined]) -> None:
    path.write_text("".join(f"{row.model_dump_json()}\n" for row in rows), "utf-8")


def _kept(found: Iterable[KnowledgeEntry], aside: list[Quarantined]) -> list[KnowledgeEntry]:
    kept: dict[str, KnowledgeEntry] = {}
    said: set[str] = set()
    for entry in found:
        entry = _tidy(entry)
        text = " ".join(words(f"{entry.question} {entry.answer}"))
        if not entry.approved:
            aside.append(_aside(entry, "not approved"))
        elif text in said or entry.id in kept:
            aside.append(_aside(entry, "duplicate" if text in said else "id used twice"))
        else:
            said.add(text)
            kept[entry.id] = entry
    return list(kept.values())


def _tidy(entry: KnowledgeEntry) -> KnowledgeEntry:
    """In one spelling, and with its language where nobody told it."""
    question, answer = normalise(entry.question), normalise(entry.answer)
    language = entry.language if entry.language != "und" else detect(f"{question}\n{answer}")
    return entry.model_copy(update={"question": question, "answer": answer, "language": language})


def _aside(entry: KnowledgeEntry, reason: str) -> Quarantined:
    where = entry.url or entry.id
    return Quarantined(source=entry.source, locator=where, reason=reason, excerpt=entry.question[:200])


def _public(entries: list[KnowledgeEntry], settings: Settings) -> tuple[str, ...]:
    own = {*settings.preprocess.own_addresses}
    own |= {a for s in settings.sources if isinstance(s, MailSource | ImapSource) for a in s.own_addresses}
    own |= {urlsplit(e.url).netloc.lower() for e in entries if e.url} - {""}
    for entry in entries:
        text = f"{entry.question}\n{entry.answer}"
        own |= {text[s.start : s.end] for s in find(text)}
    return tuple(sorted(own))
