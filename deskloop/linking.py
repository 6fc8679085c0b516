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
from deskloop.grounds import sentences
from deskloop.records import Conversation, KnowledgeEntry
from deskloop.text import tokens

_URL = re.compile(r"https?://[^\s<>\"')\]]+")
_FILE = re.compile(r"(?:/index)?\.(?:html?|php|aspx?)$|/index$")
# share of a passage's content words that a reply must say to quote it, and how much less of any other entry; in the
# sample shop 99.8 % of what is found so is the entry that the desk named, and 92 % of what it named is found
QUOTED, APART = 0.6, 0.1
FEWEST_WORDS = 4  # a passage of fewer is said by chance
MOST_WORDS = 20  # of an entry with more, two sentences on end are a passage: nobody repeats a long page


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
    """Finds the one entry that a colleague's reply gives in much the same words, whatever figures it names.

    Compared are only passages of whose rarest words the reply says one: who says a share s of n words says one of any
    n - ceil(s n) + 1 (prefix filtering, Chaudhuri, Ganti and Kaushik 2006).
    """

    def __init__(self, entries: Iterable[KnowledgeEntry]) -> None:
        said = ((entry.id, words) for entry in entries for words in _passages(entry.answer))
        self._said = [(name, words) for name, words in said if len(words) >= FEWEST_WORDS]
        often = Counter(word for _, words in self._said for word in words)
        self._by_word: defaultdict[str, list[int]] = defaultdict(list)
        for number, (_, words) in enumerate(self._said):
            rarest = sorted(words, key=lambda word: (often[word], word))
            for word in rarest[: len(words) - math.ceil((QUOTED - APART) * len(words)) + 1]:
                self._by_word[word].append(number)

    def of(self, reply: str) -> str | None:
        """Id of the entry that `reply` quotes; None if it quotes none, or two alike."""
        told = facts.content_words(reply)
        shares: defaultdict[str, float] = defaultdict(float)
        for number in {number for word in told for number in self._by_word.get(word, ())}:
            name, passage = self._said[number]
            shares[name] = max(shares[name], len(passage & told) / len(passage))
        ranked = sorted(((share, name) for name, share in shares.items()), reverse=True)
        (best, name), (second, _) = [*ranked, (0.0, ""), (0.0, "")][:2]
        return name if best >= QUOTED and best - second >= APART else None


def _passages(answer: str) -> list[frozenset[str]]:
    """Content words of an answer, or of each two sentences on end of a long one."""
    whole = facts.content_words(answer)
    if len(whole) <= MOST_WORDS:
        return [whole]
    parts = list(sentences([answer]))
    return [facts.content_words(" ".join(parts[i : i + 2])) for i in range(max(1, len(parts) - 1))]


def _parts(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url.strip())
    path = _FILE.sub("", unquote(parts.path).rstrip("/")).rstrip("/").lower() or "/"
    return parts.netloc.lower().removeprefix("www."), path, unquote(parts.fragment).lower()


def _closest(entries: list[KnowledgeEntry], said: str) -> str | None:
    spoken = set(tokens.words(said))

    def shared(entry: KnowledgeEntry) -> float:
        own = set(tokens.words(f"{entry.question} {entry.answer}"))
        return len(own & spoken) / (len(own) or 1)

    best = max(entries, key=shared)
    return best.id if shared(best) > 0 else None
