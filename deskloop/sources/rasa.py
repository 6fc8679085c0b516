"""Rasa's files: the examples of its NLU training data, and the `utter_*` responses of its domain.

Gives rows; knows nothing about sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deskloop.errors import BadInput
from deskloop.sources import yamls
from deskloop.sources.tables import Row

_NO_MESSAGES = {"lookup", "synonym", "regex"}
_ENTITY = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})")


def nlu(path: Path) -> Iterator[Row]:
    """Examples of a Rasa NLU YAML file, entity marks taken off. Lookups, synonyms and regexes are no messages."""
    read = yamls.loaded(path)
    if read.problem:
        parts = read.items("nlu")
        if not parts:
            raise BadInput(f"{path}: {read.problem[:200]}")
    else:
        listed = read.content.get("nlu") if isinstance(read.content, dict) else None
        if not isinstance(listed, list):
            raise BadInput(f"{path} has no `nlu:` list; give Rasa's training data in YAML")
        parts = [(number, part, "") for number, part in enumerate(listed, 1)]
    for number, (place, part, trouble) in enumerate(parts):
        yield from _examples(path, number, place, part, trouble)


def _examples(path: Path, number: int, place: int, part: Any, trouble: str) -> Iterator[Row]:
    if trouble or not isinstance(part, dict):
        yield Row(f"{path.name}:{place}", None, trouble or "expected a mapping")
    elif not part.get("intent"):
        if not _NO_MESSAGES & set(part):
            yield Row(f"{path.name}:{place}", None, "no intent", " ".join(map(str, part)))
    else:
        intent = str(part["intent"])
        examples = _listed(part.get("examples"))
        if not examples:
            yield Row(f"{path.name}:{place}", None, f"no examples of the intent {intent!r}"[:100])
        for line, example in enumerate(examples):
            text = _ENTITY.sub(r"\1", example)
            yield Row(f"{path.name}:{intent}:{line + 1}", {"id": f"{intent}-{number}-{line}", "text": text,
                                                          "intent": intent})  # fmt: skip


def domain(path: Path) -> Iterator[Row]:
    """Each response of a Rasa domain; `utter_opening_hours` answers the question `opening hours`."""
    read = yamls.loaded(path)
    if read.problem:
        found = read.items("responses")
    else:
        responses = read.content.get("responses") if isinstance(read.content, dict) else None
        found = [(0, responses, "")] if isinstance(responses, dict) else []
    if not found:
        yield Row(path.name, None, read.problem or "no `responses:`; give Rasa's domain in YAML")
    for line, part, trouble in found:
        if trouble or not isinstance(part, dict):
            yield Row(f"{path.name}:{line}", None, trouble or "expected a mapping")
            continue
        yield from (_response(path, name, variants) for name, variants in part.items())


def _response(path: Path, name: Any, variants: Any) -> Row:
    texts = [v.get("text") for v in variants if isinstance(v, dict)] if isinstance(variants, list) else []
    answer = next((str(t).strip() for t in texts if t), "")
    topic = re.sub(r"[_/]+", " ", str(name).removeprefix("utter_")).strip()
    return Row(f"{path.name}:{name}", {"id": str(name), "question": topic, "answer": answer})


def _listed(given: Any) -> list[str]:
    if isinstance(given, list):
        return [str(g.get("text", "") if isinstance(g, dict) else g).strip() for g in given]
    return [s.strip()[1:].strip() for s in str(given or "").split("\n") if s.strip().startswith("-")]
