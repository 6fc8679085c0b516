"""Topics: intents for a team that labelled none, found in its messages."""

from __future__ import annotations

from pathlib import Path

from deskloop.records import Named, Receipt
from deskloop.releases import Releases
from deskloop.settings import Settings
from deskloop.store import Store
from tasks import report
from tasks.cache import stage


@stage("discover-topics", reads=("intents", "model", "sources"))
def discover_topics(messages: Receipt, vectors: Receipt, settings: Settings) -> Named:
    """Topics as intents where nobody labelled any; the messages as they were where somebody did.

    The champion, whose topics lend their names, is deliberately no part of the cache key: topics are found once.
    """
    from deskloop import learning, topics

    store = Store(settings.store_root)
    frame = store.table(messages)
    known = topics.Topics.load(folder) if (folder := _champions(settings)) else None
    found = learning.topics(frame, messages.sha256, store.path(vectors), settings, known)
    if found is None:
        return Named(messages=messages, topics=None)
    report.topics(found.topics, topics.table(found.topics, dict(zip(frame["id"], frame["text"], strict=True))))
    named = topics.labelled(frame, found.labels)
    return Named(messages=store.put_table("messages", named), topics=store.put_dir("topics", found.topics.save))


def _champions(settings: Settings) -> Path | None:
    """Folder of the champion's topics, if there are any.

    A retired one lends them, too: of its names those go on that customers still use, and centres are made anew.
    """
    champion = Releases.of(settings).champion()
    folder = champion.path / "topics" if champion else None
    return folder if folder and folder.is_dir() else None
