"""Knowledge written by people: Markdown headings and YAML lists.

Gives rows with `question` and `answer`; knows nothing about sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from deskloop.sources import yamls
from deskloop.sources.tables import Row

_MOST_BYTES = 50_000_000
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")


def markdown(path: Path) -> Iterator[Row]:
    """Each heading with text below it; front matter's fields (url, updated_at, ...) stand for the whole file."""
    text, problem = yamls.text_of(path, _MOST_BYTES)
    fields, body = _front(text)
    found = 0
    sections = list(_sections(body))
    if problem:
        yield Row(path.name, None, problem)
        sections = sections[:-1]  # the last one is where the text was cut
    for number, title, answer in sections:
        if answer:
            found += 1
            yield Row(f"{path.name}:{number}", {**fields, "question": title, "answer": answer})
    fences = _fences(body)
    if len(fences) % 2:
        yield Row(
            f"{path.name}:{fences[-1] + 1}", None, "a code block is not closed: what looks like a heading is one"
        )
    elif not found and not problem:
        yield Row(path.name, None, "no heading with text below it", text[:1000])


def _front(text: str) -> tuple[dict[str, Any], str]:
    if not text.startswith("---\n"):
        return {}, text
    head, mark, body = text[4:].partition("\n---\n")
    fields, problem = yamls.load(head) if mark else (None, "")
    if problem or not isinstance(fields, dict):
        return {}, text
    # an id belongs to one entry, and a file may hold many
    return {str(k): v for k, v in fields.items() if k in ("url", "updated_at", "approved")}, body


def _fences(body: str) -> list[int]:
    return [n for n, line in enumerate(body.split("\n")) if _FENCE.match(line)]


def _sections(body: str) -> Iterator[tuple[int, str, str]]:
    lines, fences = body.split("\n"), _fences(body)
    fenced = {n for start, end in zip(fences[::2], fences[1::2], strict=False) for n in range(start, end)}
    found = ((n, None if n in fenced else _HEADING.match(line)) for n, line in enumerate(lines))
    heads = [(n, match[2]) for n, match in found if match]
    for (start, title), (end, _) in pairwise([*heads, (len(lines), "")]):
        yield start + 1, title, "\n".join(lines[start + 1 : end]).strip()


def yaml_rows(path: Path) -> Iterator[Row]:
    """A list of mappings, the one list inside a mapping, or a mapping of question to answer."""
    read = yamls.loaded(path)
    content = read.content
    if read.problem:
        found = read.items()
        for line, value, trouble in found:
            yield from _entries(f"{path.name}:{line}", value, trouble)
        if not found:
            yield Row(path.name, None, read.problem)
        return
    if isinstance(content, dict):
        lists = [v for v in content.values() if isinstance(v, list)]
        content = lists[0] if len(lists) == 1 else [{"question": k, "answer": v} for k, v in content.items()]
    for number, value in enumerate(content if isinstance(content, list) else [content], 1):
        is_row = isinstance(value, dict)
        yield Row(f"{path.name}:{number}", value if is_row else None, "" if is_row else "expected a mapping")


def _entries(where: str, value: Any, trouble: str) -> Iterator[Row]:
    """The rows of one item that was read on its own: an entry, or a question with its answer."""
    if trouble or not isinstance(value, dict):
        yield Row(where, None, trouble or "expected a mapping")
    elif "question" in value or "answer" in value:
        yield Row(where, value)
    else:
        yield from (Row(where, {"question": k, "answer": v}) for k, v in value.items())
