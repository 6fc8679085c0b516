"""Names of people and places of many countries, taken from the word lists of Faker (MIT), an extra named `ner`.

Knows nothing about texts. Latin script only.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from deskloop.errors import BadInput

_LATIN = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ.'’-]+")
_KINDS = {
    "first": ("person", ("first_names", "first_romanized_names", "middle_names")),
    "last": ("person", ("last_names", "last_romanized_names")),
    "place": ("address", ("cities", "city_names", "countries", "states", "provinces", "regions", "counties")),
    "street": ("address", ("street_suffixes", "street_prefixes", "street_titles")),
}


def available() -> bool:
    """Whether the word lists are installed."""
    return importlib.util.find_spec("faker") is not None


@lru_cache(maxsize=1)
def lists() -> Mapping[str, frozenset[str]]:
    """Lower-cased words by kind: `first`, `last` (names), `place`, `street`. Raises BadInput without the extra."""
    if not available():
        raise BadInput("names need the extra `ner`: pip install 'deskloop[ner]', or leave preprocess.ner empty")
    return {kind: frozenset(_words(package, starts)) for kind, (package, starts) in _KINDS.items()}


def entries(package: str, starts: tuple[str, ...]) -> Iterator[str]:
    """The entries of all lists of a provider package whose name begins with one of `starts`."""
    root = importlib.import_module(f"faker.providers.{package}")
    for module in pkgutil.iter_modules(root.__path__):
        provider = importlib.import_module(f"{root.__name__}.{module.name}").Provider
        for name in dir(provider):
            if name.startswith(starts):
                yield from (str(entry) for entry in _flat(getattr(provider, name)))


def _flat(values: Any) -> Iterator[Any]:
    if isinstance(values, Mapping | tuple | list):
        for value in values:
            yield from _flat(value) if isinstance(value, tuple | list) else (value,)


def _words(package: str, starts: tuple[str, ...]) -> Iterator[str]:
    for entry in entries(package, starts):
        parts = entry.split()
        if len(parts) <= 3:
            yield from (part.lower() for part in parts if len(part) > 1 and _LATIN.fullmatch(part))
