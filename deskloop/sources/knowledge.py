"""Knowledge written by people: Markdown headings, YAML lists, and the `utter_*` responses of a Rasa domain.

Gives rows with `question` and `answer`; knows nothing about sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deskloop.sources.tables import Row, open_bytes

_MOST_BYTES = 50_000_000
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_ALIAS = re.compile(r"(?m)(?:^|[\s\[,{:])\*[\w-]+\s*(?:$|[,\]}])")


def markdown(path: Path) -> Iterator[Row]:
    """Each heading with text below it; front matter's fields (url, updated_at, ...) stand for the whole file."""
    text, problem = _read(path)
    if problem:
        yield Row(path.name, None, problem)
        return
    fields, body = _front(text)
    found = 0
    for number, title, answer in _sections(body):
        if answer:
            found += 1
            yield Row(f"{path.name}:{number}", {**fields, "question": title, "answer": answer})
    if not found:
        yield Row(path.name, None, "no heading with text below it", text[:1000])


def _front(text: str) -> tuple[dict[str, Any], str]:
    if not text.startswith("---\n"):
        return {}, text
    head, mark, body = text[4:].partition("\n---\n")
    fields, problem = load_yaml(head) if mark else (None, "")
    if problem or not isinstance(fields, dict):
        return {}, text
    # an id belongs to one entry, and a file may hold many
    return {str(k): v for k, v in fields.items() if k in ("url", "updated_at", "approved")}, body


def _sections(body: str) -> Iterator[tuple[int, str, str]]:
    title, start, lines, fenced = "", 0, list[str](), False
    for number, line in enumerate(body.split("\n"), 1):
        if _FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        if title:
            yield start, title, "\n".join(lines).strip()
        title, start, lines = heading[2], number, []
    if title:
        yield start, title, "\n".join(lines).strip()


def yaml_rows(path: Path) -> Iterator[Row]:
    """A list of mappings, the one list inside a mapping, or a mapping of question to answer."""
    content, problem = _loaded(path)
    if problem:
        yield Row(path.name, None, problem)
        return
    if isinstance(content, dict):
        lists = [v for v in content.values() if isinstance(v, list)]
        content = lists[0] if len(lists) == 1 else [{"question": k, "answer": v} for k, v in content.items()]
    for number, value in enumerate(content if isinstance(content, list) else [content], 1):
        is_row = isinstance(value, dict)
        yield Row(f"{path.name}:{number}", value if is_row else None, "" if is_row else "expected a mapping")


def rasa_domain(path: Path) -> Iterator[Row]:
    """Each response of a Rasa domain; `utter_opening_hours` answers the question `opening hours`."""
    content, problem = _loaded(path)
    responses = content.get("responses") if isinstance(content, dict) else None
    if problem or not isinstance(responses, dict):
        yield Row(path.name, None, problem or "no `responses:`; give Rasa's domain in YAML")
        return
    for name, variants in responses.items():
        texts = [v.get("text") for v in variants if isinstance(v, dict)] if isinstance(variants, list) else []
        answer = next((str(t).strip() for t in texts if t), "")
        topic = re.sub(r"[_/]+", " ", str(name).removeprefix("utter_")).strip()
        yield Row(f"{path.name}:{name}", {"id": str(name), "question": topic, "answer": answer})


def load_yaml(text: str) -> tuple[Any, str]:
    """The content and no problem, or None and the problem. Aliases are refused: a few of them unfold to gigabytes."""
    import yaml

    if _ALIAS.search(text):
        try:
            if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
                return None, "YAML with aliases is not read"
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            return None, f"not YAML ({' '.join(str(error).split())[:120]})"
    try:
        return yaml.safe_load(text), ""
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return None, f"not YAML ({' '.join(str(error).split())[:120]})"


def _loaded(path: Path) -> tuple[Any, str]:
    text, problem = _read(path)
    return (None, problem) if problem else load_yaml(text)


def _read(path: Path) -> tuple[str, str]:
    import zlib

    from deskloop.sources.mime import decode

    try:
        with open_bytes(path) as stream:
            data = stream.read(_MOST_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        return "", f"the file is cut off or damaged ({error})"
    if len(data) > _MOST_BYTES:
        return "", f"larger than {_MOST_BYTES:,} bytes unpacked"
    return decode(data.removeprefix(b"\xef\xbb\xbf"), "utf-8").replace("\r\n", "\n").replace("\x00", ""), ""
