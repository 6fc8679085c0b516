"""Questions and answers on one HTML page: schema.org FAQPage, microdata, accordions, or question headings.

Knows nothing about fetching.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urldefrag, urljoin

from deskloop.sources.batch import moment
from deskloop.text.html import element_text, to_text
from deskloop.text.normalise import normalise

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_ASKS = re.compile(
    r"\?\s*$|^(?:how|what|when|where|which|who|why|can|could|do|does|did|is|are|will|may|should|i |my |"
    r"hoe|wat|wanneer|"
    r"waar|welke|kan|wie|was|wann|wo|welche|kann|warum|comment|quand|où|quel|puis-je|est-ce|pourquoi)\b",
    re.I,
)
_CHROME = ("nav", "footer", "aside", "form")
_LONGEST_QUESTION = 300


@dataclass(frozen=True)
class Item:
    """One question with its answer; `url` points at it if the page has an anchor there."""

    question: str
    answer: str
    url: str | None = None


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
    items = [*_from_json_ld(data, address, anchors), *_from_microdata(root)]
    if not items:
        _drop_chrome(root)
        items = [*_from_accordions(root, address), *_from_headings(root, address)]
    found = root.find(".//title")
    title = " ".join((found.text_content() if found is not None else "").split())
    return PageContent(address, title, _unique(items), links, _updated(root, data))


def _known(charset: str | None) -> str | None:
    import codecs

    try:
        return codecs.lookup(charset).name if charset else None
    except LookupError:
        return None


def _canonical(root: Any, url: str) -> str:
    for link in root.iterfind(".//link[@rel='canonical']"):
        target = urljoin(url, (link.get("href") or "").strip())
        if target.startswith(("http://", "https://")):
            return urldefrag(target)[0]
    return url


def _links(root: Any, url: str) -> list[str]:
    found = (
        urljoin(url, (a.get("href") or "").strip()) for a in root.iter("a") if "nofollow" not in (a.get("rel") or "")
    )
    return list(dict.fromkeys(urldefrag(u)[0] for u in found if u.startswith(("http://", "https://"))))


def _updated(root: Any, data: list[dict[str, Any]]) -> datetime | None:
    for block in data:
        if found := moment(block.get("dateModified")):
            return found
    for meta in root.iterfind(".//meta[@property='article:modified_time']"):
        return moment(meta.get("content"))
    return None


def _json_ld(root: Any) -> Iterator[dict[str, Any]]:
    for script in root.iterfind(".//script[@type='application/ld+json']"):
        try:
            # Raw line breaks inside strings are common and harmless.
            stack = [json.loads((script.text or "").strip() or "{}", strict=False)]
        except (ValueError, RecursionError):
            continue
        while stack:
            value = stack.pop()
            if isinstance(value, list):
                stack.extend(reversed(value))
            elif isinstance(value, dict):
                yield value
                stack.extend(
                    v for k, v in value.items() if k in ("@graph", "mainEntityOfPage", "hasPart", "mainEntity")
                )


def _from_json_ld(data: list[dict[str, Any]], url: str, anchors: dict[str, str]) -> Iterator[Item]:
    for block in data:
        if "Question" not in _listed(block.get("@type")):
            continue
        answers = _listed(block.get("acceptedAnswer")) or _listed(block.get("suggestedAnswer"))
        text = next((a.get("text") for a in answers if isinstance(a, dict) and a.get("text")), "")
        question = _clean(to_text(str(block.get("name") or "")))
        given = str(block.get("url") or block.get("@id") or "")
        link = urljoin(url, given) if given.startswith(("#", "/", "http")) else anchors.get(question.lower())
        yield Item(question, _clean(to_text(str(text))), link)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _from_microdata(root: Any) -> Iterator[Item]:
    for node in root.xpath(".//*[contains(@itemtype, 'schema.org/Question')]"):
        name = node.xpath(".//*[@itemprop='name']")
        text = node.xpath(".//*[@itemprop='text']")
        if name and text:
            yield Item(_clean(element_text(name[0])), _clean(element_text(text[0])))


def _anchors(root: Any, url: str) -> dict[str, str]:
    """Address of each heading-like element that has an anchor, by its text in lower case."""
    found: dict[str, str] = {}
    for node in root.iter(*_HEADINGS, "summary", "dt", "button"):
        anchor = _anchor(node)
        if anchor:
            found.setdefault(_clean(element_text_of(node)).lower(), f"{url}#{anchor}")
    return found


def _anchor(node: Any) -> str | None:
    if node.get("id"):
        return str(node.get("id"))
    for child in node.iterfind(".//*[@id]"):
        return str(child.get("id"))
    for child in node.iterfind(".//a[@name]"):
        return str(child.get("name"))
    parent = node.getparent()
    alone = parent is not None and sum(1 for c in parent.iter(*_HEADINGS, "summary", "dt")) == 1
    return parent.get("id") if alone else None


def element_text_of(node: Any) -> str:
    """Text of an element that the reader would otherwise skip, such as a button."""
    return " ".join(node.text_content().split())


def _drop_chrome(root: Any) -> None:
    for node in list(root.iter(*_CHROME, "header")):
        if node.tag == "header" and node.xpath("ancestor::main | ancestor::article"):
            continue
        if node.getparent() is not None:
            node.drop_tree()


def _from_accordions(root: Any, url: str) -> Iterator[Item]:
    for details in root.iter("details"):
        summary = details.find("summary")
        if summary is None:
            continue
        question = _clean(element_text_of(summary))
        answer = " \n".join(
            [element_text(c) for c in details if c is not summary and isinstance(c.tag, str)] or [summary.tail or ""]
        )
        anchor = details.get("id") or summary.get("id")
        yield Item(question, _clean(answer), f"{url}#{anchor}" if anchor else None)
    for term in root.iter("dt"):
        answer_node = term.getnext()
        if answer_node is not None and answer_node.tag == "dd":
            anchor = _anchor(term)
            yield Item(
                _clean(element_text_of(term)),
                _clean(element_text(answer_node)),
                f"{url}#{anchor}" if anchor else None,
            )
    for button in root.xpath(".//*[@aria-controls and @aria-expanded]"):
        panel = root.xpath(".//*[@id=$id]", id=button.get("aria-controls"))
        question = _clean(element_text_of(button))
        if panel and _ASKS.search(question):
            yield Item(question, _clean(_shown(panel[0])), f"{url}#{panel[0].get('id')}")


def _shown(panel: Any) -> str:
    """Text of a folded panel: it is hidden until asked for, and read all the same."""
    panel.attrib.pop("hidden", None)
    panel.attrib.pop("style", None)
    return element_text(panel)


def _from_headings(root: Any, url: str) -> Iterator[Item]:
    """Headings of each level on which some ask a question; the answer is what follows until the next heading."""
    order = [n for n in root.iter() if isinstance(n.tag, str)]
    levels = {n.tag for n in order if n.tag in _HEADINGS[1:] and _ASKS.search(element_text_of(n))}
    if not levels:
        return
    for node in order:
        if node.tag in levels and not node.xpath("ancestor::details"):
            answer = _clean("\n".join(_without_links(list(_until_next(node)))))
            anchor = _anchor(node)
            question = _clean(element_text_of(node))
            if len(question) <= _LONGEST_QUESTION:
                yield Item(question, answer, f"{url}#{anchor}" if anchor else None)


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
                if following.tag in _HEADINGS or next(following.iter(*_HEADINGS), None) is not None:
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


def _clean(text: str) -> str:
    return re.sub(r"\s*\n\s*(?:\n\s*)*", "\n", normalise(text)).strip(" \n¶#")


def _unique(items: list[Item]) -> list[Item]:
    found: dict[str, Item] = {}
    for item in items:
        if item.question and item.answer:
            found.setdefault(item.question.lower(), item)
    return list(found.values())
