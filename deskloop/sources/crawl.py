"""A crawl of one site, from its first page, its sitemap and its links, that asks only for what changed.

Every address read becomes one record: how the site answered, the questions on the page, where its links lead.
Knows nothing about where records are kept, nor about knowledge entries.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

from deskloop.errors import BadInput
from deskloop.origins import FaqSource
from deskloop.sources.address import joined
from deskloop.sources.questions import parse_page
from deskloop.sources.web import Page, Reader

_LOC = re.compile(rb"<loc>\s*(?:<!\[CDATA\[)?\s*([^<\s\]]+)", re.I)
_NO_PAGE = re.compile(
    r"\.(?:pdf|zip|gz|png|jpe?g|gif|svg|webp|ico|css|js|mp[34]|woff2?|ttf|xml|json|docx?|xlsx?|rss|atom)$", re.I
)
_MOST_SITEMAPS = 50
_MOST_UNPACKED = 20_000_000
_HTML = ("text/html", "application/xhtml+xml", "")


def crawl(source: FaqSource, known: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(address, record) breadth first; an address that `known` holds is asked for on condition that it changed.

    A record has `url` (where redirects led), `status`, `refusal` (empty for a page), `items` [question, answer,
    url], `links`, `address` (the canonical one), `title`, `updated`, `depth`, `bytes`, and the page's validators.
    At a limit the last record, under the address `#limit`, says how much was left out.
    Raises BadInput or TransientError.
    """
    start = urldefrag(source.url)[0]
    with Reader(source.name, start, rate=source.rate, allow_private=source.allow_private) as reader:
        if not reader.allowed(start):
            raise BadInput(f"source {source.name}: robots.txt of the site does not allow {start}")
        queue = deque((url, 0) for url in (start, *_sitemap(reader)))
        seen: set[str] = set()
        given = size = 0
        while queue:
            url, depth = queue.popleft()
            if url in seen or not _wanted(reader, url):
                continue
            seen.add(url)
            if reason := _limit(source, given, size):
                left = {u for u, _ in queue if u not in seen and _wanted(reader, u)}
                yield "#limit", {"url": start, "refusal": f"{reason} reached, {len(left) + 1} or more not read"}
                return
            record = _record(reader, url, depth, known.get(url))
            if record["url"] != url and record["url"] in seen:
                continue
            seen.add(record["url"])
            if url == start:
                _begin(source, record)
            given, size = given + 1, size + record["bytes"]
            yield url, record
            if depth < source.max_depth:
                queue.extend((link, depth + 1) for link in record["links"])


def _wanted(reader: Reader, url: str) -> bool:
    return reader.same_site(url) and not _NO_PAGE.search(urlsplit(url).path) and reader.allowed(url)


def _limit(source: FaqSource, given: int, size: int) -> str:
    if given >= source.max_pages:
        return f"max_pages {source.max_pages}"
    return f"max_megabytes {source.max_megabytes}" if size > source.max_megabytes * 1_000_000 else ""


def _begin(source: FaqSource, record: dict[str, Any]) -> None:
    if record["status"] == 310:
        raise BadInput(
            f"source {source.name}: {source.url} redirects to {record['url']}; put the address there into `url`"
        )
    if record["status"] >= 300:
        raise BadInput(f"source {source.name}: {source.url} answered {record['status']}; check `url` in the config")


def _record(reader: Reader, url: str, depth: int, known: dict[str, Any] | None) -> dict[str, Any]:
    """The page's record; the known one if the site says that it still holds and it was read as we read now."""
    usable = known is not None and known.get("reader") == _reading()
    page = reader.get(url, (known["url"], known["etag"], known["modified"]) if usable and known else ("", "", ""))
    if page.status == 304 and known:
        return {**known, "depth": depth}
    record = {
        "url": page.url, "status": page.status, "refusal": _refusal(page), "depth": depth, "bytes": len(page.body),
        "etag": page.etag, "modified": page.modified, "reader": _reading(),
        "items": [], "links": [], "address": page.url, "title": "", "updated": None,
    }  # fmt: skip
    if not record["refusal"]:
        content = parse_page(page.body, page.url, page.charset)
        record |= {
            "items": [[i.question, i.answer, i.url] for i in content.items], "links": content.links,
            "address": content.url, "title": content.title,
            "updated": content.updated_at.isoformat() if content.updated_at else None,
        }  # fmt: skip
    return record


def _refusal(page: Page) -> str:
    """Why an answer is no page to read; empty if it is one."""
    if page.too_large:
        return "page larger than 3 MB or slower than 60 seconds"
    if page.status == 310:
        return "redirects away from the site"
    if page.status != 200:
        return f"http {page.status}"
    return "" if page.kind in _HTML else f"no HTML page ({page.kind})"


@cache
def _reading() -> str:
    """Digest of how pages are read: records of another reading are no use, the page is asked for again."""
    from deskloop.sources import accordions, item, questions
    from deskloop.text import html, normalise

    code = [Path(str(m.__file__)).read_bytes() for m in (accordions, item, questions, html, normalise)]
    return hashlib.sha256(b"".join(code)).hexdigest()[:16]


def _sitemap(reader: Reader) -> Iterator[str]:
    """Page addresses from the sitemaps that robots.txt names, else from /sitemap.xml."""
    scheme, host = reader.site
    todo = deque(list(reader.robots().sitemaps) or [f"{scheme}://{host}/sitemap.xml"])
    done: set[str] = set()
    while todo and len(done) < _MOST_SITEMAPS:
        url = joined(f"{scheme}://{host}/", todo.popleft())
        if not url or url in done or not reader.same_site(url):
            continue
        done.add(url)
        page = reader.get(url)
        body = _unpacked(page.body) if page.status == 200 else b""
        found = [loc.decode("utf-8", "replace").replace("&amp;", "&") for loc in _LOC.findall(body)]
        if b"<sitemapindex" in body[:2000]:
            todo.extend(found)
        else:
            yield from filter(None, (joined(url, u) for u in found))


def _unpacked(body: bytes) -> bytes:
    """The sitemap, unpacked where gzip; a bomb ends at 20 MB."""
    if body[:2] != b"\x1f\x8b":
        return body
    try:
        return zlib.decompressobj(wbits=31).decompress(body, _MOST_UNPACKED)
    except zlib.error:
        return b""
