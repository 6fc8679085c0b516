"""The bot's own conversations as people corrected them: the one way back from serving to training.

Taken are messages that the desk reviewed, and conversations in which a colleague replied; customers' thumbs say
how a conversation ended. A reply that the desk approved for everybody is an entry of the knowledge base, too. What
the bot alone said is never taken: a model must not learn its own words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from deskloop.origins import TrafficSource
from deskloop.settings import Settings
from deskloop.sources.batch import Batch, Builder, digest, turn
from deskloop.sources.files import labelled
from deskloop.sources.identity import customer_hash
from deskloop.traffic import Traffic


def read(source: TrafficSource, settings: Settings) -> Batch:
    """Reviewed messages with their label and reply, and replied conversations. Empty is fine: nobody did yet."""
    builder = Builder(source.name)
    with _traffic(settings) as traffic:
        thumbs = traffic.thumbs()
        for row in traffic.reviewed():
            if row["approved"]:
                row = {**row, "knowledge_url": row["knowledge_url"] or _approved(builder, row)}
            told = {"channel": "bot", "customer": row["conversation_id"], "outcome": _outcome(row, thumbs)}
            value = {**row, **told, "id": f"traffic-{row['message_id']}"}
            labelled(builder, f"message {row['message_id']}", value, settings)
        for _, rows in groupby(traffic.replied(), lambda row: row["conversation_id"]):
            _talk(builder, list(rows), thumbs, settings)
    read = len(builder.conversations) + len(builder.knowledge) + len(builder.quarantined)
    return Batch(builder.conversations, builder.knowledge, builder.quarantined, read)


def fingerprint(source: TrafficSource, settings: Settings) -> str:
    """Digest of everything that people said so far."""
    with _traffic(settings) as traffic:
        return digest([source.name, traffic.reviewed(), traffic.replied(), traffic.thumbs()])


def _approved(builder: Builder, row: dict[str, Any]) -> str:
    """Make an entry of a reply that is for everybody. Returns its address, which no browser can follow."""
    name = f"message {row['message_id']}"
    url = f"desk:{row['message_id']}"
    told = {"question": row["text"], "answer": row["reply"], "updated_at": row["at"]}
    builder.entry(name, row, id=f"{builder.source}-{row['message_id']}", url=url, **told)
    return url


def _talk(builder: Builder, rows: list[dict[str, Any]], thumbs: dict[str, int], settings: Settings) -> None:
    name = rows[0]["conversation_id"]
    builder.conversation(
        f"conversation {name}", rows,
        id=f"traffic-talk-{name}", channel="bot", started_at=rows[0]["at"],
        customer=customer_hash(name, settings),
        turns=tuple(turn(row["role"], row["text"], row["at"]) for row in rows),
        outcome=_outcome(rows[0], thumbs),
    )  # fmt: skip


def _outcome(row: dict[str, Any], thumbs: dict[str, int]) -> str | None:
    total = thumbs.get(row["conversation_id"], 0)
    return None if total == 0 else "good" if total > 0 else "bad"


@contextmanager
def _traffic(settings: Settings) -> Iterator[Traffic]:
    from deskloop.database import connect

    engine = connect(settings.database)
    try:
        yield Traffic(engine)
    finally:
        engine.dispose()
