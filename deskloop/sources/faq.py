"""FAQ pages and help centres: a crawl of one site, from its sitemap and links, to questions with answers."""

from __future__ import annotations

import gzip
import re
import zlib
from collections import deque
from collections.abc import Iterator
from urllib.parse import urldefrag, urljoin, urlsplit

from deskloop.errors import BadInput
from deskloop.settings import FaqSource, Settings
from deskloop.sources.batch import Batch, Builder, digest
from deskloop.sources.questions import PageContent, parse_page
from deskloop.sources.web import Page, Reader

_LOC = re.compile(rb"<loc>\s*(?:<!\[CDATA\[)?\s*([^<\s\]]+)", re.I)
_NO_PAGE = re.compile(
    r"\.(?:pdf|zip|gz|png|jpe?g|gif|svg|webp|ico|css|js|mp[34]|woff2?|ttf|xml|json|docx?|xlsx?|rss|atom)$", re.I
)
_MOST_SITEMAPS = 50
_MOST_BYTES = 200_000_000


def read(source: FaqSource, settings: Settings) -> Batch:
    """Crawl and extract. Counts entries and refused pages. Raises BadInput or TransientError."""
    builder = Builder(source.name)
    seen: dict[str, str] = {}
    for page, content in _crawl(source):
        locator = urlsplit(page.url).path or "/"
        if content is None:
            builder.refuse(locator, _refusal(page), "")
            continue
        for item in content.items:
            url = item.url or content.url
            key = digest([item.question.lower(), item.answer])
            if key in seen:
                builder.refuse(locator, f"duplicate of {seen[key]}", item.question)
                continue
            # The id stays when the answer is edited, so that a new answer replaces the old one.
            entry = f"{source.name}-{digest([urlsplit(url).path, item.question.lower()])[:12]}"
            seen[key] = entry
            builder.entry(
                f"{locator}#{item.question[:60]}", item.question + item.answer,
                id=entry, question=item.question, answer=item.answer, url=url, updated_at=content.updated_at,
            )  # fmt: skip
        if not content.items:
            builder.refuse(locator, "no questions on the page", content.title)
    if not builder.knowledge:
        raise BadInput(
            f"source {source.name}: no questions with answers found at {source.url}; point `url` at the FAQ"
        )
    return builder.batch(source.url)


def fingerprint(source: FaqSource, settings: Settings) -> str:
    """Digest of every page as it is now: its address and its questions and answers, or its status."""
    parts = [
        [page.url, page.status, [[i.question, i.answer, i.url] for i in content.items] if content else None]
        for page, content in _crawl(source)
    ]
    return digest([source.model_dump(mode="json"), sorted(parts, key=str)])


def _crawl(source: FaqSource) -> Iterator[tuple[Page, PageContent | None]]:
    """Pages breadth first, from the start page, the sitemap, then links. Content is None for what is no page."""
    start = urldefrag(source.url)[0]
    total = 0
    with Reader(source.name, start, rate=source.rate, allow_private=source.allow_private) as reader:
        if not reader.allowed(start):
            raise BadInput(f"source {source.name}: robots.txt of the site does not allow {start}")
        queue = deque([start, *_sitemap(reader)])
        known: set[str] = set()
        given = 0
        while queue and given < source.max_pages:
            url = queue.popleft()
            if url in known or not reader.same_site(url) or _NO_PAGE.search(urlsplit(url).path):
                continue
            known.add(url)
            if not reader.allowed(url):
                continue
            page = reader.get(url)
            if page.url != url and page.url in known:
                continue
            known.add(page.url)
            if url == start and page.status >= 300:
                raise BadInput(f"source {source.name}: {url} answered {page.status}; check `url` in the config")
            given += 1
            total += len(page.body)
            content = _content(page)
            yield page, content
            if content:
                queue.extend(content.links)
            if total > _MOST_BYTES:
                return


def _content(page: Page) -> PageContent | None:
    if page.status != 200 or page.too_large or page.kind not in ("text/html", "application/xhtml+xml", ""):
        return None
    return parse_page(page.body, page.url, page.charset)


def _refusal(page: Page) -> str:
    if page.too_large:
        return "page larger than 3 MB"
    if page.status == 310:
        return "redirects away from the site"
    return f"http {page.status}" if page.status != 200 else f"no HTML page ({page.kind})"


def _sitemap(reader: Reader) -> Iterator[str]:
    """Page addresses from the sitemaps that robots.txt names, else from /sitemap.xml."""
    scheme, host = reader.site
    todo = deque(list(reader.robots().sitemaps) or [f"{scheme}://{host}/sitemap.xml"])
    done: set[str] = set()
    while todo and len(done) < _MOST_SITEMAPS:
        url = urljoin(f"{scheme}://{host}/", todo.popleft())
        if url in done or not reader.same_site(url):
            continue
        done.add(url)
        page = reader.get(url)
        body = _unpacked(page.body) if page.status == 200 else b""
        found = [loc.decode("utf-8", "replace").replace("&amp;", "&") for loc in _LOC.findall(body)]
        if b"<sitemapindex" in body[:2000]:
            todo.extend(found)
        else:
            yield from (urldefrag(u)[0] for u in found)


def _unpacked(body: bytes) -> bytes:
    if body[:2] != b"\x1f\x8b":
        return body
    try:
        # A bomb ends at the limit.
        return zlib.decompressobj(wbits=31).decompress(body, 20_000_000)
    except (zlib.error, gzip.BadGzipFile):
        return b""
