"""Questions and answers on one HTML page: schema.org FAQPage, microdata, accordions, or question headings.

Knows nothing about fetching.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from typing import Any

from deskloop.sources.accordions import unfold
from deskloop.sources.address import joined
from deskloop.sources.item import ASKS, HEADINGS, Item, anchor, clean, label, unfolded
from deskloop.sources.times import moment
from deskloop.text.html import element_text, to_text

_CHROME = ("nav", "footer", "aside", "form")
_LONGEST_QUESTION = 300
_LONGEST_ARTICLE = 3000
_WRAPPING = re.compile(r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\s*\]\]>|\]\]>)\s*$")
# the body of an article in Zendesk Guide, Intercom, Freshdesk, Help Scout and Chatwoot
_ARTICLES = (
    ".//*[contains(concat(' ', @class, ' '), ' article-body ') or contains(@class, 'article__body') or "
    "contains(concat(' ', @class, ' '), ' article_body ') or contains(@class, 'article__content') or "
    "@id='fullArticle' or @id='article-body' or @id='cw-article-content' or @itemprop='articleBody']"
)


@dataclass(frozen=True)
class PageContent:
    """What a page holds for us."""

    url: str
    title: str
    items: list[Item]
    links: list[str] = field(default_factory=list)
    updated_at: datetime | None = None


def parse_page(body: bytes, url: str, charset: str | None = None) -> PageContent:
    """Read a page. Never raises on malformed HTML; what cannot be read has no items."""
    from lxml import etree, html

    parser = html.HTMLParser(encoding=_known(charset), huge_tree=False)
    try:
        root = html.document_fromstring(body or b"<html/>", parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return PageContent(url, "", [])
    address = _canonical(root, url)
    links = _links(root, url)
    data = list(_json_ld(root))
    anchors = _anchors(root, address)
    items = _unique([*_from_json_ld(data, address, anchors), *_from_microdata(root)])
    if not items:
        _drop_chrome(root)
        items = _unique([*unfold(root, address), *_from_headings(root, address)]) or _from_article(root, address)
    found = root.find(".//title")
    title = " ".join((found.text_content() if found is not None else "").split())
    return PageContent(address, title, items, links, _updated(root, data))


def _known(charset: str | None) -> str | None:
    import codecs

    from lxml import html

    try:
        name = codecs.lookup(charset).name if charset else None
        html.HTMLParser(encoding=name)  # Python knows names, such as `idna`, that are no charset of a page
    except LookupError:
        return None
    return name


def _canonical(root: Any, url: str) -> str:
    for link in root.iterfind(".//link[@rel='canonical']"):
        if target := joined(url, link.get("href") or ""):
            return target
    return url


def _links(root: Any, url: str) -> list[str]:
    found = (joined(url, a.get("href") or "") for a in root.iter("a") if "nofollow" not in (a.get("rel") or ""))
    return list(dict.fromkeys(filter(None, found)))


def _updated(root: Any, data: list[dict[str, Any]]) -> datetime | None:
    for block in data:
        if found := moment(block.get("dateModified")):
            return found
    for meta in root.iterfind(".//meta[@property='article:modified_time']"):
        return moment(meta.get("content"))
    return None


def _json_ld(root: Any) -> Iterator[dict[str, Any]]:
    for script in root.xpath(".//script[contains(@type, 'ld+json')]"):
        stack = [_loose_json(_WRAPPING.sub("", script.text or ""))]
        while stack:
            value = stack.pop()
            if isinstance(value, list):
                stack.extend(reversed(value))
            elif isinstance(value, dict):
                yield value
                stack.extend(
                    v for k, v in value.items() if k in ("@graph", "mainEntityOfPage", "hasPart", "mainEntity")
                )


def _loose_json(text: str) -> Any:
    """A JSON value as sites write it: line breaks inside strings, or escaped as if it were HTML."""
    for attempt in (text, unescape(text)):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(attempt.strip() or "{}", strict=False)
    return {}


def _from_json_ld(data: list[dict[str, Any]], url: str, anchors: dict[str, str]) -> Iterator[Item]:
    for block in data:
        if "Question" not in _listed(block.get("@type")):
            continue
        answers = _listed(block.get("acceptedAnswer")) or _listed(block.get("suggestedAnswer"))
        text = next((a.get("text") for a in answers if isinstance(a, dict) and a.get("text")), "")
        question = clean(to_text(str(block.get("name") or "")))
        given = str(block.get("url") or block.get("@id") or "")
        named = joined(url, given, fragment=True) if given.startswith(("#", "/", "http")) else ""
        link = named or anchors.get(question.lower())
        yield Item(question, clean(to_text(str(text))), link)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _from_microdata(root: Any) -> Iterator[Item]:
    """schema.org questions as microdata or RDFa. A question can have a text of its own, its answers have theirs."""
    for node in root.xpath(".//*[contains(@itemtype, 'schema.org/Question') or @typeof='Question']"):
        name = _marked(node, "name")
        answer = _marked(node, "acceptedAnswer") or _marked(node, "suggestedAnswer") or [node]
        text = _marked(answer[0], "text")
        if name and text:
            yield Item(name[0].get("content") or label(name[0]), unfolded(text[0]))


def _marked(node: Any, name: str) -> list[Any]:
    return list(node.xpath(".//*[@itemprop=$name or @property=$name or @property=$long]",
                           name=name, long=f"schema:{name}"))  # fmt: skip


def _anchors(root: Any, url: str) -> dict[str, str]:
    """Address of each heading-like element that has an anchor, by its text in lower case."""
    found: dict[str, str] = {}
    for node in root.iter(*HEADINGS, "summary", "dt", "button"):
        if name := anchor(node):
            found.setdefault(label(node).lower(), f"{url}#{name}")
    return found


def _drop_chrome(root: Any) -> None:
    for node in list(root.iter(*_CHROME, "header")):
        if node.tag == "header" and node.xpath("ancestor::main | ancestor::article"):
            continue
        if node.getparent() is not None:
            node.drop_tree()


def _from_headings(root: Any, url: str) -> Iterator[Item]:
    """Headings of each level on which some ask a question; the answer is what follows until the next heading."""
    order = [n for n in root.iter() if isinstance(n.tag, str)]
    levels = {n.tag for n in order if n.tag in HEADINGS[1:] and ASKS.search(label(n))}
    if not levels:
        return
    for node in order:
        if node.tag in levels and not node.xpath("ancestor::details"):
            answer = clean("\n".join(_without_links(list(_until_next(node)))))
            name = anchor(node)
            question = label(node)
            if len(question) <= _LONGEST_QUESTION:
                yield Item(question, answer, f"{url}#{name}" if name else None)


def _without_links(parts: list[tuple[str, bool]]) -> list[str]:
    """Texts of an answer, links that only lead on at its end left out."""
    while len(parts) > 1 and parts[-1][1]:
        parts.pop()
    return [text for text, _ in parts]


def _is_link(node: Any) -> bool:
    linked = "".join(a.text_content() for a in node.iter("a"))
    return bool(linked.strip()) and "".join(linked.split()) == "".join(node.text_content().split())


def _until_next(heading: Any) -> Iterator[tuple[str, bool]]:
    """(text, is only a link) after a heading, in its container and, where it is alone in one, in those around."""
    node = heading
    for _ in range(3):
        following = node.getnext()
        tail = (node.tail or "").strip()
        if tail:
            yield tail, False
        found = bool(tail)
        while following is not None:
            if isinstance(following.tag, str):
                if following.tag in HEADINGS or next(following.iter(*HEADINGS), None) is not None:
                    return
                text = element_text(following)
                found = found or bool(text)
                if text:
                    yield text, _is_link(following)
            if (following.tail or "").strip():
                yield following.tail.strip(), False
            following = following.getnext()
        node = node.getparent()
        if found or node is None or node.tag in ("body", "main", "section", "article", "html"):
            return


def _from_article(root: Any, url: str) -> list[Item]:
    """One short article of a help centre, or one page below a question, is an answer as a whole."""
    title = next((label(node) for node in root.iter("h1") if label(node)), "")
    bodies = root.xpath(_ARTICLES)
    if not bodies and ASKS.search(title):
        bodies = root.xpath(".//article | .//main")
    text = clean(element_text(bodies[0])) if bodies else ""
    text = text.removeprefix(title).strip()
    return _unique([Item(title, text)]) if len(text) <= _LONGEST_ARTICLE else []


def _unique(items: list[Item]) -> list[Item]:
    found: dict[str, Item] = {}
    for item in items:
        if item.question and item.answer:
            found.setdefault(item.question.lower(), item)
    return list(found.values())
