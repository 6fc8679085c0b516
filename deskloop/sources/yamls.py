"""YAML written by people, read without surprises: words stay words, nothing unfolds or nests without bound.

Where a file is not YAML as a whole, its items are read one by one. Knows nothing about what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from deskloop.sources.mime import decode
from deskloop.sources.unpacked import open_bytes

_MOST_BYTES = 20_000_000
_DEEPEST = 50  # libyaml's Python binding recurses without a check: a deep file would end the process


def text_of(path: Path, most: int) -> tuple[str, str]:
    """The text as far as it goes, at most so many bytes, and the problem if that is not all of it."""
    stream, raw = open_bytes(path)
    with stream:
        data = stream.read(most + 1)
    problem = f"larger than {most:,} bytes unpacked: cut here" if len(data) > most else raw.problem
    wide = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}.get(data[:2], "utf-8")
    text = decode(data[:most].removeprefix(b"\xef\xbb\xbf"), wide)
    return text.replace("\r\n", "\n").replace("\x00", ""), problem


@dataclass(frozen=True)
class Loaded:
    """What a file holds; with a `problem` nothing but its text, which may have been `cut`."""

    content: Any
    text: str
    cut: str
    problem: str

    def items(self, under: str = "") -> list[tuple[int, Any, str]]:
        """Line, content and problem of each item of the outermost list or mapping, or of that below a key."""
        found = list(_items(self.text, under, self.cut))
        outside = found and not any(problem for _, _, problem in found)
        return [*found, (1, None, self.problem)] if outside else found


def loaded(path: Path) -> Loaded:
    """Read a file. Raises BadInput only if it cannot be opened."""
    text, cut = text_of(path, _MOST_BYTES)
    found, problem = (None, cut) if cut else load(text)
    return Loaded(found, text, cut, problem)


def load(text: str) -> tuple[Any, str]:
    """The content and no problem, or None and the problem. Aliases are refused: a few of them unfold to gigabytes."""
    import yaml

    try:
        problem = _unsafe(text)
        return (None, problem) if problem else (yaml.load(text, Loader=_loader()), "")  # noqa: S506  a safe one
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, TypeError, AttributeError) as error:
        return None, f"not YAML ({' '.join(str(error).split())[:120]})"


def _items(text: str, under: str, cut: str) -> Iterator[tuple[int, Any, str]]:
    """The last item of a text that was cut is told as broken."""
    lines = text.split("\n")
    starts = _starts(lines, under)
    for start, end in pairwise([*starts, len(lines)]):
        whole = not cut or end < len(lines)
        found, problem = load("\n".join(lines[start:end])) if whole else (None, cut)
        if problem or not isinstance(found, list | dict):
            yield start + 1, None, problem or "expected a list or a mapping"
        elif isinstance(found, list):
            yield from ((start + 1, item, "") for item in found)
        else:
            yield start + 1, found, ""


def _starts(lines: list[str], under: str) -> list[int]:
    """The lines on which an item begins: those as far in as the first of them."""
    said = [n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith(("#", "---", "%"))]
    key = next((n for n in said if re.match(rf"{re.escape(under)}\s*:", lines[n])), -1) if under else -1
    said = [n for n in said if n > key] if key >= 0 or not under else []
    if len(said) > 1 and lines[said[0]].rstrip().endswith(":") and lines[said[1]].lstrip().startswith("- "):
        del said[0]
    if not said:
        return []
    first = lines[said[0]]
    inset = len(first) - len(first.lstrip(" "))
    listed = first.lstrip().startswith("-")
    begins = re.compile(rf" {{{inset}}}" + (r"-(?:\s|$)" if listed else r"[^\s\-#}\]]"))
    return [n for n in said if begins.match(lines[n])]


def _unsafe(text: str) -> str:
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=_loader()):
        if isinstance(event, yaml.AliasEvent):
            return "YAML with aliases is not read"
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            return f"YAML nested more than {_DEEPEST} deep is not read"
    return ""


def _loader() -> Any:
    """Safe, and without YAML 1.1's guesses: an answer `No` is a word, `1e3` an order number, a date its text."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    null = "tag:yaml.org,2002:null"
    kept = {k: [r for r in found if r[0] == null] for k, found in base.yaml_implicit_resolvers.items()}
    return type("_Words", (base,), {"yaml_implicit_resolvers": kept})
