"""Which knowledge entry a conversation rests on: by its address, or by what the colleague said.

Knows nothing about sources.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from deskloop import facts
from deskloop.records import Conversation, KnowledgeEntry
from deskloop.text.tokens import words

_URL = re.compile(r"https?://[^\s<>\"')\]]+")
_FILE = re.compile(r"(?:/index)?\.(?:html?|php|aspx?)$|/index$")
# share of an entry's content words that a reply must say to quote it, and how much less of any other it may; in the
# sample shop 99.8 % of what is found so is the entry that the desk named, and 92 % of what it named is found
QUOTED, APART = 0.6, 0.1
FEWEST_WORDS = 4  # an entry of fewer is said by chance


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


class Quotes:
    """Finds the one entry whose answer a colleague's reply gives in much the same words, whatever figures it names.

    Compared are only entries of whose rarest words the reply says one: who says a share s of n words says one of any
    n - ceil(s n) + 1 (prefix filtering, Chaudhuri, Ganti and Kaushik 2006).
    """

    def __init__(self, entries: Iterable[KnowledgeEntry]) -> None:
        answers = ((entry.id, facts.content_words(entry.answer)) for entry in entries)
        self._said = {name: said for name, said in answers if len(said) >= FEWEST_WORDS}
        often = Counter(word for said in self._said.values() for word in said)
        self._by_word: defaultdict[str, list[str]] = defaultdict(list)
        for name, said in self._said.items():
            rarest = sorted(said, key=lambda word: (often[word], word))
            for word in rarest[: len(said) - math.ceil((QUOTED - APART) * len(said)) + 1]:
                self._by_word[word].append(name)

    def of(self, reply: str) -> str | None:
        """Id of the entry that `reply` quotes; None if it quotes none, or two alike."""
        told = facts.content_words(reply)
        near = {name for word in told for name in self._by_word.get(word, ())}
        shares = sorted(((len(self._said[name] & told) / len(self._said[name]), name) for name in near), reverse=True)
        (best, name), (second, _) = [*shares, (0.0, ""), (0.0, "")][:2]
        return name if best >= QUOTED and best - second >= APART else None


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
