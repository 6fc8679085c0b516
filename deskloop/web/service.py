"""What the routes share: one per app, made at start-up, found on the app's state. Redacts what is stored."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from deskloop.origins import FaqSource, ImapSource, MailSource
from deskloop.outbox import Outbox
from deskloop.records import Answer, Source
from deskloop.releases import Releases
from deskloop.settings import Settings
from deskloop.takeovers import Takeovers
from deskloop.text.pii import Redactor, find
from deskloop.traffic import Traffic
from deskloop.web.live import Live, Loaded
from deskloop.web.meters import Meters
from deskloop.web.rate import RateLimit
from deskloop.web.schemas import About, Cited
from deskloop.web.workers import Workers

COLLEAGUE = "colleague"  # the kind of an answer that nobody gives: a person will
HEARD = 1000  # messages remembered: Chatwoot tells again of what it thinks was not heard
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Service:
    """Everything a request may need."""

    settings: Settings
    releases: Releases
    traffic: Traffic
    live: Live
    workers: Workers
    takeovers: Takeovers
    outbox: Outbox
    rate: RateLimit
    meters: Meters = field(default_factory=Meters)
    heard: deque[int] = field(default_factory=lambda: deque(maxlen=HEARD))  # Chatwoot's messages

    def redactor(self, public: Iterable[str] = ()) -> Redactor:
        """Masks personal data, but for the shop's own addresses and what is `public`."""
        own = set(self.settings.preprocess.own_addresses) | set(public)
        for source in self.settings.sources:
            if isinstance(source, MailSource | ImapSource):
                own |= set(source.own_addresses)
            elif isinstance(source, FaqSource):
                own.add(urlsplit(source.url).netloc.lower())
        return Redactor(own=own)

    def keep(
        self,
        conversation: str,
        messages: Sequence[Mapping[str, str]],
        answer: Answer,
        loaded: Loaded,
        channel: str = "web",
    ) -> About:
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
                channel=channel,
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
            sources=_cited(answer.sources),
            suggestions=_cited(answer.suggestions),
            reason=answer.reason,
            version=loaded.release.version,
        )

    def colleague_in(self, conversation: str) -> bool:
        """Is a colleague in the chat? Where the database cannot tell, the customer is answered."""
        try:
            return self.takeovers.state(conversation) == "joined"
        except SQLAlchemyError as error:
            log.error("whether a colleague is in a chat could not be read (%s)", type(error).__name__)
            return False

    def silent(self, conversation: str, messages: Sequence[Mapping[str, str]]) -> About:
        """Keep, redacted, what a customer says to the colleague who is in the chat. The bot says nothing."""
        redactor = self.redactor()
        texts = [redactor.redact(m["content"]) for m in messages]  # the whole, so that placeholders agree
        release = self.live.release
        return About(
            message_id=None,
            customer_message_id=self.traffic.say(conversation, "customer", texts[-1]),
            conversation_id=conversation,
            kind=COLLEAGUE,
            intent=None,
            confidence=0.0,
            sources=[],
            reason="a colleague is in the chat",
            version=release.version if release else 0,
        )


def service(request: Request) -> Service:
    """The app's service, as a dependency."""
    found: Service = request.app.state.service
    return found


def _cited(sources: Iterable[Source]) -> list[Cited]:
    return [Cited(id=s.id, question=s.question, url=s.link) for s in sources]


def _printed(answer: Answer) -> set[str]:
    """Addresses and numbers that stand in the sources: public, so not masked."""
    texts = [t for s in answer.sources for t in (s.answer, s.question, s.url or "")]
    return {text[span.start : span.end] for text in texts for span in find(text)}
