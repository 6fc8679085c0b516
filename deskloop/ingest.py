"""Acquisition alone: take every source, or show what would be taken without writing anything.

Knows nothing about training; the next run finds the raw areas and the batches there.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from deskloop import occupied, sources
from deskloop.cleaning import file_name
from deskloop.errors import BadInput, TransientError
from deskloop.origins import AnySource, ImapSource, MailSource
from deskloop.records import Conversation, KnowledgeEntry
from deskloop.settings import NO_SOURCE, Settings
from deskloop.sources import erased, identity, journal
from deskloop.sources.batch import Batch
from deskloop.store import raw_store
from deskloop.text.normalise import normalise
from deskloop.text.pii import Redactor

log = logging.getLogger(__name__)

SAMPLES = 10
_LONGEST = 160


def ingest(settings: Settings, name: str | None = None, full: bool = False) -> dict[str, Any]:
    """Read the sources into raw areas and store; `full` forgets first what was taken. One that fails stops none.

    Returns `sources`: counts, reasons, seconds and digests of the batches of each, or its `error`.
    """
    chosen = _chosen(settings, name)
    if full:
        for source in chosen:
            journal.reset(source, settings)
    store = raw_store(settings)

    def keep(batch: Batch) -> str:
        return store.put_dir("batch", batch.save).sha256

    with occupied.reading(settings):
        return {"sources": [_taken(source, settings, keep) for source in chosen]}


def preview(settings: Settings, name: str | None = None) -> dict[str, Any]:
    """What `ingest` would take, with ten redacted rows of all sources in turn. Writes nothing."""
    shown: list[list[dict[str, str]]] = []

    def look(batch: Batch) -> None:
        shown.append(list(islice(_redacted(batch, settings), SAMPLES)))

    with _nothing_written(settings) as aside, journal.preview():
        found = [_taken(source, aside, look) for source in _chosen(settings, name)]
    in_turn = (row for rows in zip_longest(*shown) for row in rows if row)
    return {"dry_run": True, "sources": found, "samples": list(islice(in_turn, SAMPLES))}


def told(outcome: dict[str, Any]) -> str:
    """For a person."""
    lines = []
    for row in outcome["sources"]:
        if "error" in row:
            why = row["error"].removeprefix(f"source {row['source']}: ")
            lines.append(f"{row['source']}: failed: {why}")
            continue
        lines.append(
            f"{row['source']}: {row['read']:,} read, {row['conversations']:,} conversations, "
            f"{row['knowledge']:,} entries, {row['quarantined']:,} set aside"
        )
        lines += [f"    {count:,} {reason}" for reason, count in row["reasons"].items()]
    lines += [f"  {row['source']} | {row['text']}" for row in outcome.get("samples", ())]
    return "\n".join([*lines, *(["Nothing was written."] if outcome.get("dry_run") else [])])


def _chosen(settings: Settings, name: str | None) -> list[AnySource]:
    found = [s for s in settings.sources if name in (None, s.name)]
    if not found:
        has = ", ".join(s.name for s in settings.sources) or "none"
        raise BadInput(f"there is no source {name!r}; the config has {has}" if name else NO_SOURCE)
    return found


def _taken(source: AnySource, settings: Settings, use: Callable[[Batch], str | None]) -> dict[str, Any]:
    began = time.monotonic()
    log.info("source %s: reading (%s)", source.name, source.kind)
    tally = sources.Tally()
    kept: list[str | None] = []
    try:
        for batch in sources.read_parts(source, settings, settings.compute.partition_rows):
            kept.append(use(tally.add(batch)))
            log.info("source %s: %d rows", source.name, tally.read)
    except (BadInput, TransientError) as error:
        return {"source": source.name, "error": str(error)}
    return {
        "source": source.name,
        "read": tally.read,
        "conversations": tally.conversations,
        "knowledge": tally.knowledge,
        "quarantined": tally.quarantined,
        "reasons": dict(tally.reasons.most_common()),
        "batches": [digest for digest in kept if digest],
        "seconds": round(time.monotonic() - began, 3),
    }


def _redacted(batch: Batch, settings: Settings) -> Iterator[dict[str, str]]:
    own = {*settings.preprocess.own_addresses}
    own |= {a for s in settings.sources if isinstance(s, MailSource | ImapSource) for a in s.own_addresses}
    rows: Sequence[Conversation | KnowledgeEntry] = [*batch.conversations, *batch.knowledge]
    for row in rows:
        text = normalise(_said(row))
        if isinstance(row, Conversation):  # knowledge is what the shop tells everybody
            redactor = Redactor(row.names, tuple(sorted(own)))
            files = [file_name(file.name, redactor) for file in row.lineage.attachments]
            text = redactor.redact(text)[: _LONGEST // 2 if files else None]
            text += f" [with {', '.join(files)}]" if files else ""
        yield {"source": row.source, "text": " ".join(text.split())[:_LONGEST]}


def _said(row: Conversation | KnowledgeEntry) -> str:
    if isinstance(row, KnowledgeEntry):
        return f"{row.question} -> {row.answer}"
    return " / ".join(f"{turn.role}: {turn.text}" for turn in row.turns)


@contextmanager
def _nothing_written(settings: Settings) -> Iterator[Settings]:
    """Settings whose home is a passing folder that sees the real one's raw areas, key, erasure list, traffic."""
    with tempfile.TemporaryDirectory(prefix="deskloop-") as folder:
        home = Path(folder)
        (home / "raw").symlink_to((settings.home / "raw").absolute())
        for name in (identity.KEY_FILE, erased.FILE):
            if (settings.home / name).is_file():
                shutil.copy2(settings.home / name, home / name)
        url = make_url(settings.database)
        there = url.get_backend_name() != "sqlite" or Path(str(url.database)).is_file()
        kept = {"database_url": settings.database} if there else {}
        yield settings.model_copy(update={"home": home, "models": settings.models_dir, **kept})
