"""One question with its answer on a page, and how the text of an element is read for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

from deskloop.text.html import element_text
from deskloop.text.normalise import normalise

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
ASKS = re.compile(
    r"\?\s*$|^(?:how|what|when|where|which|who|why|can|could|do|does|did|is|are|will|may|should|i |my |"
    r"hoe|wat|wanneer|"
    r"waar|welke|kan|wie|was|wann|wo|welche|kann|warum|comment|quand|où|quel|puis-je|est-ce|pourquoi)\b",
    re.I,
)
_FOR_MACHINES = (
    ".//svg | .//*[@aria-hidden='true' or contains(@class, 'sr-only') or contains(@class, 'visually-hidden') or "
    "contains(@class, 'screen-reader')]"
)
_SIGNS = " \n\t+-−–▼▾▸▶⌄›»×✕¶#"


@dataclass(frozen=True)
class Item:
    """One question with its answer; `url` points at it if the page has an anchor there."""

    question: str
    answer: str
    url: str | None = None


def clean(text: str) -> str:
    """Normalised text, one line break where there were several."""
    return re.sub(r"\s*\n\s*(?:\n\s*)*", "\n", normalise(text)).strip(" \n¶#")


def label(node: Any) -> str:
    """What a heading or button says, without the signs that fold it and what only a screen reader says."""
    skipped = {inner for found in node.xpath(_FOR_MACHINES) for inner in found.iter()}
    parts = [node.text or ""]
    for inner in node.iterdescendants():
        if isinstance(inner.tag, str) and inner not in skipped:
            parts.append(inner.text or "")
        if inner.getparent() not in skipped:
            parts.append(inner.tail or "")
    return clean(" ".join("".join(parts).split())).strip(_SIGNS)


def unfolded(panel: Any) -> str:
    """Text of a panel: it may be hidden until asked for, and is read all the same."""
    for name in ("hidden", "style"):
        panel.attrib.pop(name, None)
    return clean(element_text(panel))


def anchor(node: Any) -> str | None:
    """The id by which an address can point at a heading: its own, of something in it, or of its container."""
    if node.get("id"):
        return str(node.get("id"))
    for child in node.iterfind(".//*[@id]"):
        return str(child.get("id"))
    for child in node.iterfind(".//a[@name]"):
        return str(child.get("name"))
    parent = node.getparent()
    alone = parent is not None and len(list(islice(parent.iter(*HEADINGS, "summary", "dt"), 2))) == 1
    return parent.get("id") if alone else None
