"""Where a team's history is read from: one module per kind of source, all giving the same Batch.

A source raises BadInput for what a person must mend and TransientError for what may pass by itself.
Knows nothing about cleaning; records leave here raw.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

from deskloop.origins import AnySource
from deskloop.records import Quarantined
from deskloop.settings import Settings
from deskloop.sources.batch import Batch, Tally, digest
from deskloop.sources.erased import REASON, Erased

__all__ = ["Batch", "Tally", "fingerprint", "read", "read_parts"]


def read(source: AnySource, settings: Settings) -> Batch:
    """Read a source whole; who asked to be erased is set aside. Raises BadInput or TransientError."""
    return Batch.joined(read_parts(source, settings, rows=sys.maxsize))


def read_parts(source: AnySource, settings: Settings, rows: int) -> Iterator[Batch]:
    """The same in batches of about `rows` rows: a source that can be read as a stream is held in memory no more."""
    module = _module(source)
    stream = getattr(module, "read_parts", None)
    parts = stream(source, settings, rows) if stream else module.read(source, settings).parts(rows)
    erased = Erased.load(settings)
    for number, batch in enumerate(parts):
        yield _without(batch, source, erased, first=number == 0) if erased.hashes else batch


def fingerprint(source: AnySource, settings: Settings) -> str:
    """Hex digest of what the source holds now and of how it is read; equal digests mean an equal Batch."""
    content = _module(source).fingerprint(source, settings)
    erased = Erased.load(settings).hashes
    return digest([content, sorted(erased)]) if erased else content


def _without(batch: Batch, source: AnySource, erased: Erased, first: bool) -> Batch:
    """The batch with erased people's rows set aside; they are named by no more than a digest."""
    from deskloop.sources import journal

    gone = [c for c in batch.conversations if erased.in_conversation(c)]
    unwritten = journal.erased(source, erased.settings) if first else ()
    rows = [
        Quarantined(source=source.name, locator=locator, reason=REASON)
        for locator in (*(digest(c.lineage.locator)[:16] for c in gone), *unwritten)
    ]
    left = {id(c) for c in gone}
    kept = [c for c in batch.conversations if id(c) not in left]
    return Batch(kept, batch.knowledge, [*batch.quarantined, *rows], batch.read + len(unwritten))


def _module(source: AnySource) -> ModuleType:
    """The kind's module; spelled out, so that who reads the imports sees what a source's result depends on."""
    match source.kind:
        case "faq":
            from deskloop.sources import faq

            return faq
        case "files":
            from deskloop.sources import files

            return files
        case "helpdesk":
            from deskloop.sources import helpdesk

            return helpdesk
        case "helpdesk_api":
            from deskloop.sources import api

            return api
        case "imap":
            from deskloop.sources import imap

            return imap
        case "mail":
            from deskloop.sources import mail

            return mail
        case "sql":
            from deskloop.sources import sql

            return sql
        case "synthetic":
            from deskloop.sources import synthetic

            return synthetic
        case "traffic":
            from deskloop.sources import traffic

            return traffic
