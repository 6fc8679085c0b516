"""The sample shop's questions and answers: the one place that every fact of the shop comes from.

Reads `cores/faq.txt`; knows nothing about pages or messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

BASE = "https://larkfell.example"
CORES = Path(__file__).parent / "cores"
AFTER_PAGES = ("strike", "volt")


@dataclass(frozen=True)
class Entry:
    """One question of the shop's FAQ. `slug` is its anchor on `page`."""

    page: str
    slug: str
    intent: str
    question: str
    answer: str

    @property
    def url(self) -> str:
        """Where customers find it."""
        return f"{BASE}/{self.page}.html#{self.slug}"

    @property
    def after(self) -> bool:
        """Whether it was published only in the after period."""
        return self.page in AFTER_PAGES


@cache
def entries() -> tuple[Entry, ...]:
    """All entries in the order of the pages, the after period's last."""
    lines = (CORES / "faq.txt").read_text("utf-8").splitlines()
    return tuple(Entry(*(cell.strip() for cell in line.split("|"))) for line in lines if line[:1] not in ("", "#"))


@cache
def by_slug() -> dict[str, Entry]:
    """Entries by their slug, which is unique over all pages."""
    return {entry.slug: entry for entry in entries()}


def article_url(slug: str | None) -> str | None:
    """Address of the entry that answers a message; None if none does."""
    return by_slug()[slug].url if slug else None
