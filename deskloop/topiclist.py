"""The topics of a version, for a person: names, sizes, example lines. Knows where a bundle has them and whose words
they are; the examples are read from the store, so that they go when the messages there go."""

from __future__ import annotations

from typing import Any

from deskloop import topics
from deskloop.errors import BadInput, CorruptBundle
from deskloop.records import Receipt
from deskloop.releases import Release, Releases
from deskloop.settings import Settings
from deskloop.store import Store


def listing(register: Releases, settings: Settings, version: int | None = None) -> dict[str, Any]:
    """Topics of a version; by default of the champion, or of the latest version where there is none.

    Raises BadInput where there is no version, or its intents are the desk's own labels.
    """
    release = _release(register, version)
    folder = release.path / "topics"
    if not folder.is_dir():
        raise BadInput(
            f"version {release.version} has no topics: its intents are given labels, or there were too few messages; "
            "see `intents` in the configuration"
        )
    found = topics.Topics.load(folder)
    return {
        "version": release.version,
        "topics": topics.table(found, _texts(found, settings)),
        "unclear": found.unclear,
        "names_of_no_topic": list(found.strange),
    }


def told(outcome: dict[str, Any]) -> str:
    """For a person."""
    lines = [f"Version {outcome['version']}: {len(outcome['topics'])} topics, not labels"]
    for row in outcome["topics"]:
        lines.append(f"{row['size']:6,}  {row['topic']}  (coherence {row['coherence']:.2f})")
        if row["found_as"] != [row["topic"]]:
            lines.append(f"        found as: {'; '.join(row['found_as'])}")
        lines += [f"        | {text[:110]}" for text in row["examples"][: topics.EXAMPLES]]
    lines.append(f"{outcome['unclear']:6,}  messages belong to none")
    if outcome["names_of_no_topic"]:
        lines.append(f"No topic has these names of the configuration: {'; '.join(outcome['names_of_no_topic'])}")
    return "\n".join(lines)


def _release(register: Releases, version: int | None) -> Release:
    if version is not None:
        return register.get(version)
    found = register.champion() or next(iter(sorted(register.all(), key=lambda r: -r.version)), None)
    if found is None:
        raise BadInput("there is no version yet; `deskloop run` trains one")
    return found


def _texts(found: topics.Topics, settings: Settings) -> dict[str, str]:
    """Redacted text of the example messages by id; empty where the store has them no more."""
    if not found.messages:
        return {}
    try:
        frame = Store(settings.store_root).table(Receipt(kind="messages", sha256=found.messages, rows=0))
    except CorruptBundle:
        return {}
    return dict(zip(frame["id"], frame["text"], strict=True))
