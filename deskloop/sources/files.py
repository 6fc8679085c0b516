"""Files a team has lying about: conversations, knowledge, labelled messages, chat-format JSONL, Rasa NLU YAML.

`columns` maps our names to theirs; a value that begins with `=` is taken as it is (`channel: "=email"`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from deskloop.errors import BadInput
from deskloop.origins import FilesSource
from deskloop.records import Turn
from deskloop.settings import Settings
from deskloop.sources import knowledge, rasa
from deskloop.sources.batch import Batch, Builder, digest, existing, found_in, path_fingerprint, turn, visible_files
from deskloop.sources.identity import customer_hash
from deskloop.sources.tables import Row, rows, scan

__all__ = ["fingerprint", "read", "rows"]

_ROLES = {
    "customer": "customer", "user": "customer", "human": "customer", "visitor": "customer", "client": "customer",
    "agent": "agent", "assistant": "agent", "gpt": "agent", "operator": "agent", "support": "agent",
    "bot": "bot", "system": None, "tool": None, "function": None,
}  # fmt: skip
_NEEDED = {
    "messages": (("text",),), "knowledge": (("question",), ("answer",)),
    "conversations": (("turns", "messages", "conversations", "text"),),
}  # fmt: skip
_MOST_TURNS = 5_000
_READABLE = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".xlsx", ".yml", ".yaml", ".md", ".markdown")


def read(source: FilesSource, settings: Settings) -> Batch:
    """Read the file, or every readable file of the folder. Raises BadInput."""
    builder = Builder(source.name, source.dates)
    for _ in _filled(source, settings, builder):
        pass
    return builder.batch(source.path)


def read_parts(source: FilesSource, settings: Settings, rows: int) -> Iterator[Batch]:
    """The same as a stream of batches of at most `rows` rows, so that memory does not grow with the file."""
    builder = Builder(source.name, source.dates)
    count = 0
    for count, _ in enumerate(_filled(source, settings, builder), 1):
        if count % rows == 0:
            yield builder.batch(source.path)
            # the caller is done with the lists: one builder stays, as each row goes where the reader put it
            builder.conversations, builder.knowledge, builder.quarantined = [], [], []
    if count % rows or not count:
        yield builder.batch(source.path)


def _filled(source: FilesSource, settings: Settings, builder: Builder) -> Iterator[None]:
    """Put the rows into the builder, one a step."""
    found = _all_rows(source)
    take = {
        "conversations": _conversation, "chat": _conversation, "knowledge": _knowledge, "messages": _message,
        "rasa_nlu": _message, "rasa_domain": _knowledge,
    }[source.content]  # fmt: skip
    for row in islice(_grouped(source, found), source.limit):
        if row.value is None:
            builder.refuse(row.locator, row.problem, row.raw)
        elif lacking := _lacking(source, row.value):
            builder.refuse(row.locator, lacking, row.value)
        else:
            take(builder, row.locator, _mapped(source, row.value), settings)
        yield


def fingerprint(source: FilesSource, settings: Settings) -> str:
    """Digest of the files and of the columns chosen."""
    return path_fingerprint(source, source.path)


def labelled(builder: Builder, locator: str, value: dict[str, Any], settings: Settings) -> None:
    """Add one message with its optional reply and label as a conversation. Shared by every tabular source."""
    at = builder.moment(value.get("at"), locator)
    turns = [turn("customer", _text(value.get("text")), at)]
    if _text(value.get("reply")):
        turns.append(turn("agent", _text(value["reply"]), at))
    names = [name for name in [_text(value.get("name"))] if name]
    _add(builder, locator, value, settings, turns, channel="message", names=names)


def _add(
    builder: Builder,
    locator: str,
    value: dict[str, Any],
    settings: Settings,
    turns: Sequence[Turn],
    channel: str,
    names: Iterable[Any],
) -> None:
    """Add a conversation of our own columns; `channel` where the row names none."""
    builder.conversation(
        locator, value,
        id=_text(value.get("id")) or f"{builder.source}-{digest([locator, value])[:16]}",
        channel=_text(value.get("channel")) or channel,
        started_at=builder.moment(value.get("started_at") or value.get("at"), locator)
        or (turns[0].at if turns else None),
        customer=customer_hash(value.get("customer"), settings),
        turns=tuple(turns),
        intent=_text(value.get("intent")) or None,
        knowledge_url=_text(value.get("knowledge_url")) or None,
        outcome=_text(value.get("outcome")) or None,
        synthetic=_truth(value.get("synthetic")),
        core_id=_text(value.get("core_id")) or None,
        names=tuple(map(str, names)),
    )  # fmt: skip


def _all_rows(source: FilesSource) -> Iterator[Row]:
    """The rows of every file. One bad file among several is set aside; alone it is the user's to mend."""
    path = existing(source, source.path)
    if path.is_file():
        yield from _file_rows(source, path)
        return
    found = visible_files(path)
    if not any(map(_is_readable, found)):
        forms = ", ".join(_READABLE)
        raise BadInput(f"source {source.name}: {path} holds {found_in(path, found)}; give files of {forms}")
    for file in found:
        try:
            if not _is_readable(file):
                raise BadInput("not a form of file that is read")
            yield from _file_rows(source, file)
        except BadInput as error:
            yield Row(file.name, None, str(error).removeprefix(f"{file}: ")[:200])


def _is_readable(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(_READABLE)


def _file_rows(source: FilesSource, path: Path) -> Iterator[Row]:
    name = path.name.lower().removesuffix(".gz")
    if source.content == "rasa_nlu":
        return rasa.nlu(path)
    if source.content == "rasa_domain":
        return rasa.domain(path)
    if name.endswith((".md", ".markdown")):
        return knowledge.markdown(path)
    return knowledge.yaml_rows(path) if name.endswith((".yml", ".yaml")) else scan(path)


def _grouped(source: FilesSource, found: Iterator[Row]) -> Iterator[Row]:
    """Rows of one turn each (CSV usually) become rows of one conversation each, by `conversation_id`."""
    if source.content != "conversations":
        yield from found
        return

    def key(row: Row) -> str:
        value = _mapped(source, row.value) if row.value else {}
        flat = "conversation_id" in value and "role" in value and "text" in value
        return str(value["conversation_id"]) if flat else f"\x00{row.locator}"

    for conversation, group in groupby(found, key):
        members = list(islice(group, _MOST_TURNS + 1))
        if len(members) > _MOST_TURNS:
            yield Row(members[0].locator, None, f"more than {_MOST_TURNS:,} turns in one conversation_id")
            continue
        if conversation.startswith("\x00"):
            yield from members
            continue
        values = [_mapped(source, row.value) for row in members if row.value]
        yield Row(members[0].locator, {**values[0], "id": conversation, "turns": values})


def _lacking(source: FilesSource, value: dict[str, Any]) -> str:
    """What to set where no column of the row is what this content needs."""
    for names in _NEEDED.get(source.content, ()):
        theirs = [source.columns.get(name, name) for name in names]
        if not any(name in value or name.startswith("=") for name in theirs):
            return f"no column {' or '.join(theirs)}, it has {', '.join(map(str, value))[:100]}; set `columns`"
    return ""


def _mapped(source: FilesSource, value: dict[str, Any]) -> dict[str, Any]:
    out = dict(value)
    for ours, theirs in source.columns.items():
        out[ours] = theirs[1:] if theirs.startswith("=") else value.get(theirs)
    return out


def _conversation(builder: Builder, locator: str, value: dict[str, Any], settings: Settings) -> None:
    if not any(value.get(k) is not None for k in ("turns", "messages", "conversations")) and value.get("text"):
        labelled(builder, locator, value, settings)
        return
    try:
        turns = _turns(value, partial(builder.moment, locator=locator))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        builder.refuse(locator, f"malformed turns: {str(error).splitlines()[0][:100]}", value)
        return
    _add(builder, locator, value, settings, turns, channel="chat", names=value.get("names") or ())


def _turns(value: dict[str, Any], read: Callable[[Any], datetime | None]) -> list[Turn]:
    given = value.get("turns") or value.get("messages") or value.get("conversations") or []
    if isinstance(given, str):
        given = json.loads(given)
    out = []
    for item in given:
        said = str(item.get("role") or item.get("from") or "").strip().lower()
        if said not in _ROLES:
            raise ValueError(f"unknown role {said!r}; write customer, agent or bot, or user and assistant")
        text = item.get("text") if item.get("text") is not None else item.get("content", item.get("value"))
        role = _ROLES[said]
        if role and isinstance(text, str) and text.strip():
            out.append(turn(role, text, read(item.get("at"))))
    return out


def _knowledge(builder: Builder, locator: str, value: dict[str, Any], settings: Settings) -> None:
    question, answer = _text(value.get("question")), _text(value.get("answer"))
    builder.entry(
        locator, value,
        id=_text(value.get("id")) or f"{builder.source}-{digest([question, answer])[:12]}",
        question=question, answer=answer,
        url=_text(value.get("url")) or None,
        updated_at=builder.moment(value.get("updated_at"), locator),
        approved=_truth(value.get("approved", True)),
    )  # fmt: skip


def _message(builder: Builder, locator: str, value: dict[str, Any], settings: Settings) -> None:
    if not _text(value.get("text")):
        builder.refuse(locator, "empty text", value)
        return
    labelled(builder, locator, value, settings)


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()


def _truth(value: Any) -> bool:
    return str(value).strip().lower() in ("1", "true", "yes", "t", "1.0")
