"""The bot's own conversations that a person has reviewed: the one way back from serving to training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deskloop.settings import Settings, TrafficSource
from deskloop.sources.batch import Batch, Builder, digest
from deskloop.sources.files import labelled


def read(source: TrafficSource, settings: Settings) -> Batch:
    """Reviewed messages, each with the label and reply that the reviewer gave. Empty is fine: nobody reviewed yet."""
    builder = Builder(source.name)
    with _reviewed(settings) as rows:
        for row in rows:
            value = {
                **row,
                "id": f"traffic-{row['message_id']}",
                "channel": "bot",
                "customer": row["conversation_id"],
            }
            labelled(builder, f"message {row['message_id']}", value, settings)
    return Batch(builder.conversations, builder.knowledge, builder.quarantined, _count(builder))


def fingerprint(source: TrafficSource, settings: Settings) -> str:
    """Digest of everything reviewed so far."""
    with _reviewed(settings) as rows:
        return digest([source.name, *rows])


def _count(builder: Builder) -> int:
    return len(builder.conversations) + len(builder.quarantined)


@contextmanager
def _reviewed(settings: Settings) -> Iterator[list[dict[str, Any]]]:
    from deskloop.database import connect
    from deskloop.traffic import Traffic

    engine = connect(settings.database)
    try:
        yield Traffic(engine).reviewed()
    finally:
        engine.dispose()
