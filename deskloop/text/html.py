"""HTML as a person reads it: lines, list marks, quoted blocks marked `>`. Works on strings alone."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

_BREAKS = frozenset(
    "address article aside blockquote body dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 "
    "h5 h6 header hr legend li main nav ol p pre section summary table tbody tfoot thead tr ul title".split()
)
_PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 ul ol table blockquote pre dl".split())
_SILENT = frozenset("script style head template noscript svg math object iframe select button title".split())
_QUOTE_CLASSES = ("gmail_quote_container", "protonmail_quote", "yahoo_quoted", "moz-cite-block")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt)?\s*(?:;|$)", re.I)
_TAG = re.compile(r"<[^>]{0,2000}>")
_UNSEEN = re.compile(r"<(script|style|head|title)\b[^>]*>.*?</\1\s*>", re.I | re.S)
_LOOKS = re.compile(r"<(?:html|body|div|p|br|table|span|font|blockquote|!doctype)\b[^>]*>", re.I)
_BLANKS = re.compile(r"[ \t\r\f\v\n\xa0]+")
_EMPTY_QUOTE = re.compile(r"(?:\n[> ]*)+\Z")
_LONGEST = 2_000_000
_DEEPEST = 256  # libxml2's own


def looks_like_html(text: str) -> bool:
    """Whether a body that calls itself text is HTML after all."""
    return len(_LOOKS.findall(text[:20_000])) >= 2


def to_text(html: str, *, quotes: bool = False) -> str:
    """Readable text of `html`. With `quotes`, lines of quoted blocks begin with `> `, as in plain mail."""
    from lxml import etree
    from lxml import html as parser

    html = html[:_LONGEST].replace("\x00", "")
    reader = _parser()
    try:
        root = parser.document_fromstring(html.encode("utf-8", "replace"), parser=reader)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return unescape(_TAG.sub(" ", html)).strip()
    if any("depth" in told.message for told in reader.error_log):  # the parser leaves out all that follows
        return " ".join(unescape(_TAG.sub(" ", _UNSEEN.sub(" ", html))).split())
    return element_text(root, quotes=quotes)


def element_text(root: Any, *, quotes: bool = False) -> str:
    """Readable text of an lxml element, its own tail left out."""
    out: list[str] = []
    _walk(root, out, quotes)
    return _joined(out)


def _parser() -> Any:
    from lxml import html

    return html.HTMLParser(encoding="utf-8", huge_tree=False, remove_comments=True, remove_pis=True)


def _walk(root: Any, out: list[str], quotes: bool) -> None:
    # An own stack, since a hostile page nests deeper than Python recurses.
    stack: list[tuple[Any, bool]] = [(root, False)]
    depth = 0
    while stack:
        node, leaving = stack.pop()
        if leaving:
            depth -= 1
            out.append(_close(node, quotes))
            if node is not root and node.tail:
                out.append(_flat(node.tail))
            continue
        if not isinstance(node.tag, str) or _is_silent(node) or depth > _DEEPEST:
            if node is not root and node.tail:
                out.append(_flat(node.tail))
            continue
        depth += 1
        out.append(_open(node, quotes))
        if node.text:
            out.append(node.text if node.tag == "pre" else _flat(node.text))
        stack.append((node, True))
        stack.extend((child, False) for child in reversed(node))


def _flat(text: str) -> str:
    return _BLANKS.sub(" ", text)


def _is_silent(node: Any) -> bool:
    style = node.get("style")
    return node.tag in _SILENT or bool(style and _HIDDEN.search(style)) or node.get("hidden") is not None


def _is_quote(node: Any) -> bool:
    return node.tag == "blockquote" or any(c in (node.get("class") or "") for c in _QUOTE_CLASSES)


def _open(node: Any, quotes: bool) -> str:
    tag = node.tag
    if tag == "br":
        return "\n"
    if tag == "hr":
        return "\n" + "_" * 32 + "\n"
    if tag == "li":
        return "\f- "
    if tag in ("td", "th"):
        return " "
    mark = "\x01" if quotes and _is_quote(node) else ""
    return ("\v" if tag in _PARAGRAPHS else "\f" if tag in _BREAKS else "") + mark


def _close(node: Any, quotes: bool) -> str:
    mark = "\x02" if quotes and _is_quote(node) else ""
    return mark + ("\v" if node.tag in _PARAGRAPHS else "\f" if node.tag in _BREAKS else "")


def _joined(pieces: list[str]) -> str:
    # \f asks for a line of its own, \v for a paragraph, \x01 and \x02 bound a quotation.
    lines: list[str] = []
    depth = 0
    line = ""
    for part in re.split(r"([\n\f\v\x01\x02])", "".join(pieces)):
        if part not in ("\n", "\f", "\v", "\x01", "\x02"):
            line += part
            continue
        text = line.strip()
        if text or part == "\n":
            lines.append("> " * depth + text if depth else text)
        if part == "\v" and lines and lines[-1].strip("> "):
            lines.append("> " * depth if depth else "")
        depth = max(0, depth + (part == "\x01") - (part == "\x02"))
        line = ""
    lines.append("> " * depth + line.strip() if line.strip() else "")
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(s.rstrip() for s in lines)).strip()
    return _EMPTY_QUOTE.sub("", text)
