"""FAQ pages and help centres: what a crawl of one site found, as questions with answers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from deskloop.errors import BadInput
from deskloop.origins import FaqSource
from deskloop.settings import Settings
from deskloop.sources import journal
from deskloop.sources.batch import Batch, Builder, digest
from deskloop.sources.crawl import crawl
from deskloop.sources.times import moment

_CONTENT = ("url", "status", "refusal", "items", "address", "updated", "depth")
_KEPT_AT_ONCE = 20


def read(source: FaqSource, settings: Settings) -> Batch:
    """Crawl, asking for what changed, and extract. Counts entries and refused pages.

    Raises BadInput or TransientError.
    """
    builder = Builder(source.name)
    seen: dict[str, str] = {}
    for record in _in_order(journal.follow(source, settings, partial(_pages, source, settings))):
        locator = urlsplit(record["url"]).path or "/"
        if record["refusal"]:
            builder.refuse(locator, record["refusal"], "")
            continue
        for item in record["items"]:
            _add(builder, record, item, seen)
        if not record["items"]:
            builder.refuse(locator, "no questions on the page", record["title"])
    if not builder.knowledge:
        raise BadInput(
            f"source {source.name}: no questions with answers found at {source.url}; point `url` at the FAQ"
        )
    return builder.batch(source.url)


def fingerprint(source: FaqSource, settings: Settings) -> str:
    """Digest of every page as it is now: its address and its questions and answers, or its status."""
    # The journal's own digest also covers entity tags, which some sites renew on every delivery.
    journal.fingerprint(source, settings, partial(_pages, source, settings))
    records = _in_order(journal.records(source, settings))
    parts = [[record.get(name) for name in _CONTENT] for record in records]
    return digest([source.model_dump(mode="json"), parts])


def _add(builder: Builder, record: dict[str, Any], item: list[Any], seen: dict[str, str]) -> None:
    """One question of a page, unless an equal one with an equal answer came before."""
    question, answer, url = item[0], item[1], item[2] or record["address"]
    locator = urlsplit(record["url"]).path or "/"
    key = digest([question.lower(), answer])
    if key in seen:
        builder.refuse(locator, f"duplicate of {seen[key]}", question)
        return
    # The id stays when the answer is edited, so that a new answer replaces the old one.
    seen[key] = f"{builder.source}-{digest([urlsplit(url).path, question.lower()])[:12]}"
    builder.entry(
        f"{locator}#{question[:60]}", question + answer,
        id=seen[key], question=question, answer=answer, url=url, updated_at=moment(record["updated"]),
    )  # fmt: skip


def _pages(source: FaqSource, settings: Settings, _: journal.Record | None) -> Iterator[journal.Page]:
    """What changed on the site since the records in the journal, and which addresses are gone."""
    known = journal.records(source, settings)
    seen: set[str] = set()
    changes: list[journal.Change] = []
    for url, record in crawl(source, known):
        seen.add(url)
        if record != known.get(url):
            changes.append(journal.Change(url, record))
        if len(changes) == _KEPT_AT_ONCE:
            yield journal.Page(tuple(changes), {})
            changes = []
    gone = (journal.Change(url, None) for url in known if url not in seen)
    yield journal.Page((*changes, *gone), {})


def _in_order(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The records, nearest to the first page first."""
    return [found[url] for url in sorted(found, key=lambda url: (found[url].get("depth", 1000), url))]
