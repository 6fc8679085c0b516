"""FAQ pages and help centres: what a crawl of one site found, as questions with answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from deskloop.errors import BadInput
from deskloop.settings import FaqSource, Settings
from deskloop.sources.batch import Batch, Builder, digest, moment
from deskloop.sources.crawl import crawl

_CONTENT = ("url", "status", "refusal", "items", "address", "updated", "depth")


def read(source: FaqSource, settings: Settings) -> Batch:
    """Crawl and extract. Counts entries and refused pages. Raises BadInput or TransientError."""
    builder = Builder(source.name)
    seen: dict[str, str] = {}
    for record in _records(source, settings):
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
    parts = [[record.get(name) for name in _CONTENT] for record in _records(source, settings)]
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


def _records(source: FaqSource, settings: Settings) -> list[dict[str, Any]]:
    """Every address of the site as it is now, the nearest to the first page first."""
    found = list(crawl(source, {}))
    return [record for _, record in sorted(found, key=lambda pair: (pair[1].get("depth", 1000), pair[0]))]
