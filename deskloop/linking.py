"""Which help article a conversation rests on: addresses to knowledge entries. Knows nothing about sources."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from deskloop.records import Conversation, KnowledgeEntry
from deskloop.text.tokens import words

_URL = re.compile(r"https?://[^\s<>\"')\]]+")
_FILE = re.compile(r"(?:/index)?\.(?:html?|php|aspx?)$|/index$")


class Links:
    """Finds the entry that an address means, by page and fragment; the host may differ (a copy of the site)."""

    def __init__(self, entries: Iterable[KnowledgeEntry]) -> None:
        self._by_key: defaultdict[tuple[str, str, str], list[KnowledgeEntry]] = defaultdict(list)
        for entry in entries:
            if entry.url:
                host, path, fragment = _parts(entry.url)
                # Each entry answers to its full address and to shorter ones, the surest first.
                for key in {(host, path, fragment), ("", path, fragment), (host, path, ""), ("", path, "")}:
                    self._by_key[key].append(entry)

    def resolve(self, url: str | None, said: str = "") -> str | None:
        """Id of the entry at `url`. Where a page holds several, the one that shares most words with `said`."""
        if not url:
            return None
        host, path, fragment = _parts(url)
        for key in ((host, path, fragment), ("", path, fragment), (host, path, ""), ("", path, "")):
            found = self._by_key.get(key, [])
            if len(found) == 1:
                return found[0].id
            if found:
                return _closest(found, said)
        return None

    def of(self, conversation: Conversation) -> tuple[str | None, str | None]:
        """(entry id, address) that the desk named, or that the agents sent; (None, None) if none is known."""
        sent = (u.rstrip(".,;:!?") for t in conversation.turns if t.role == "agent" for u in _URL.findall(t.text))
        said = " ".join(t.text for t in conversation.turns)
        for url in filter(None, [conversation.knowledge_url, *sent]):
            if entry := self.resolve(url, said):
                return entry, url
        return None, conversation.knowledge_url


def _parts(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url.strip())
    path = _FILE.sub("", unquote(parts.path).rstrip("/")).rstrip("/").lower() or "/"
    return parts.netloc.lower().removeprefix("www."), path, unquote(parts.fragment).lower()


def _closest(entries: list[KnowledgeEntry], said: str) -> str | None:
    spoken = set(words(said))

    def shared(entry: KnowledgeEntry) -> float:
        own = set(words(f"{entry.question} {entry.answer}"))
        return len(own & spoken) / (len(own) or 1)

    best = max(entries, key=shared)
    return best.id if shared(best) > 0 else None
