"""What the routes share: one per app, made at start-up, found on the app's state. Redacts what is stored."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from deskloop.records import Answer
from deskloop.releases import Releases
from deskloop.settings import FaqSource, ImapSource, MailSource, Settings
from deskloop.text.pii import Redactor, find
from deskloop.traffic import Traffic
from deskloop.web.live import Live, Loaded
from deskloop.web.meters import Meters
from deskloop.web.rate import RateLimit
from deskloop.web.schemas import About, Cited
from deskloop.web.workers import Workers

log = logging.getLogger(__name__)


class Outbox:
    """Colleagues' replies as they wrote them, for the customer who is waiting; storage holds the redacted form.

    In memory, the latest `size`: after a restart a customer sees the redacted form.
    """

    def __init__(self, size: int = 2000) -> None:
        self._size = size
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, message_id: str, text: str) -> None:
        """Keep the words of one reply."""
        with self._lock:
            self._texts[message_id] = text
            if len(self._texts) > self._size:
                self._texts.popitem(last=False)

    def get(self, message_id: str, stored: str) -> str:
        """The words as written, or else as stored."""
        with self._lock:
            return self._texts.get(message_id, stored)


@dataclass(frozen=True)
class Service:
    """Everything a request may need."""

    settings: Settings
    releases: Releases
    traffic: Traffic
    live: Live
    workers: Workers
    rate: RateLimit
    meters: Meters = field(default_factory=Meters)
    outbox: Outbox = field(default_factory=Outbox)

    def redactor(self, public: Iterable[str] = ()) -> Redactor:
        """Masks personal data, but for the shop's own addresses and what is `public`."""
        own = set(self.settings.preprocess.own_addresses) | set(public)
        for source in self.settings.sources:
            if isinstance(source, MailSource | ImapSource):
                own |= set(source.own_addresses)
            elif isinstance(source, FaqSource):
                own.add(urlsplit(source.url).netloc.lower())
        return Redactor(own=own)

    def keep(self, conversation: str, messages: Sequence[Mapping[str, str]], answer: Answer, loaded: Loaded) -> About:
        """Store one exchange, redacted, and say how it came about. A full disk must not silence the answer."""
        asked, answered = None, None
        redactor = self.redactor(_printed(answer))
        texts = [redactor.redact(m["content"]) for m in messages]  # the whole, so that placeholders agree
        try:
            asked, answered = self.traffic.record(
                conversation,
                texts[-1],
                answer,
                redactor.redact(answer.text),
                channel="web",
                scope=answer.scope,
                version=loaded.release.version,
            )
        except SQLAlchemyError as error:
            self.meters.unrecorded.inc()
            log.error("an answer could not be stored (%s)", type(error).__name__)
        return About(
            message_id=answered,
            customer_message_id=asked,
            conversation_id=conversation,
            kind=answer.kind,
            intent=answer.intent,
            confidence=answer.confidence,
            sources=[Cited(id=s.id, question=s.question, url=s.url) for s in answer.sources],
            reason=answer.reason,
            version=loaded.release.version,
        )


def service(request: Request) -> Service:
    """The app's service, as a dependency."""
    found: Service = request.app.state.service
    return found


def _printed(answer: Answer) -> set[str]:
    """Addresses and numbers that stand in the sources: public, so not masked."""
    texts = [t for s in answer.sources for t in (s.answer, s.question, s.url or "")]
    return {text[span.start : span.end] for text in texts for span in find(text)}
