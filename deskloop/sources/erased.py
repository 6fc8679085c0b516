"""Who asked to be erased: keyed hashes, kept so that no later ingest brings a person back.

The list is `<home>/erased.json`, 0600. It holds no name and no address; without the key in the home folder
a hash cannot be tested for a person. Knows nothing about stores or releases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from deskloop.errors import BadInput
from deskloop.origins import SourceBase
from deskloop.records import Conversation
from deskloop.settings import Settings
from deskloop.sources.identity import customer_hash
from deskloop.store import write_atomic

FILE = "erased.json"
REASON = "erased"
_ADDRESS = re.compile(r"[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")
_LONGEST_NAME = 200
_DESK = frozenset(("User", "Agent", "AgentBot", "Captain::Assistant", "Trigger", "System"))  # Chatwoot's, Zendesk's
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PERSON = re.compile(
    r"(?:\w*_)?(?:customer|client|end_?user|user|requester|submitter|author|sender|visitor|contact|person|member|lead|"
    r"from|to|cc|e?mail|phone|mobile|name|klant|kunde|cliente)s?(?:_?(?:ids?|no|nr|n(?:umm|umb)er|key|e?mail|"
    r"name|phone))?",
    re.I,
)


@dataclass(frozen=True)
class Erased:
    """Keyed hashes of people, and where they stand in a record."""

    hashes: frozenset[str]
    settings: Settings

    @classmethod
    def load(cls, settings: Settings) -> Erased:
        """The list as it is now. Raises BadInput if it cannot be read: who is on it must not come back."""
        path = settings.home / FILE
        try:
            listed = frozenset(map(str, json.loads(path.read_bytes())["customers"]))
        except FileNotFoundError:
            listed = frozenset()
        except (ValueError, KeyError, TypeError):
            raise BadInput(f"{path} is no erasure list; restore it from a backup before reading sources") from None
        return cls(listed, settings)

    def add(self, hashes: Iterable[str]) -> None:
        """Put people on the list, for every ingest from now on."""
        value = {"customers": sorted(self.hashes | set(hashes))}
        write_atomic(self.settings.home / FILE, json.dumps(value, indent=1).encode())

    def in_raw(self, record: Any, keys: frozenset[str] = frozenset()) -> bool:
        """Whether a raw record names one of these people, or has their address in any text.

        `keys` are the fields that the configuration says hold the customer or a name, see `person_keys`.
        """
        return bool(self.hashes) and any(self._is(text) for text in _names(record, keys))

    def in_conversation(self, conversation: Conversation) -> bool:
        """Whether a conversation is of one of these people, or has their name or address in it."""
        if not self.hashes:
            return False
        if conversation.customer in self.hashes or any(map(self._is, conversation.names)):
            return True
        return any(self._is(address) for turn in conversation.turns for address in addresses(turn.text))

    def _is(self, text: str) -> bool:
        return customer_hash(text, self.settings) in self.hashes


def addresses(text: str) -> list[str]:
    """E-mail addresses in a text, as they stand there."""
    return _ADDRESS.findall(text) if "@" in text else []


def person_keys(source: SourceBase) -> frozenset[str]:
    """Fields of a source's rows that its configuration maps to a customer or a name."""
    columns = getattr(source, "columns", None) or {}
    return frozenset(str(theirs) for ours, theirs in columns.items() if ours in ("customer", "name", "names"))


def _names(value: Any, keys: frozenset[str], of_person: bool = False) -> Iterator[str]:
    """What may name a person anywhere in a JSON value: addresses and full names; codes and single words by their key.

    A customer 12 is not every row with twelve pieces, nor one called Paris every parcel sent there: a number or a
    single word counts only under a key that speaks of a person, or as the `id` of an object under such a key.
    """
    if isinstance(value, dict):
        ours = str(value.get("sender_type")) in _DESK  # Chatwoot numbers contacts and colleagues apart
        for key, inner in value.items():
            named = _of_person(str(key), of_person) and not (ours and key in ("sender", "sender_id"))
            theirs = key in keys or named
            yield from _names(inner, keys, theirs)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names(inner, keys, of_person)
    elif isinstance(value, str):
        if len(value) <= _LONGEST_NAME and (of_person or _is_full_name(value)):
            yield value
        yield from addresses(value)
    elif of_person and isinstance(value, int) and not isinstance(value, bool):
        yield str(value)


def _of_person(key: str, inside: bool) -> bool:
    """Whether a key speaks of a person; `inside`: of an object under such a key."""
    name = _CAMEL.sub("_", key).lower()
    return _PERSON.fullmatch(name) is not None or (inside and name == "id")


def _is_full_name(text: str) -> bool:
    return " " in text.strip() and any(map(str.isalpha, text))
