"""The bot in Chatwoot, and through it in WhatsApp, Telegram, Messenger, SMS and e-mail: an agent bot's webhook.

Chatwoot tells of each message of a customer whose conversation is `pending`; the bot replies there, or opens the
conversation for the team. From then on it is silent: the conversation is a person's.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel

from deskloop import courtesy
from deskloop.errors import BadInput, TransientError
from deskloop.origins import Chatwoot
from deskloop.records import Answer
from deskloop.sources.client import Client, Token
from deskloop.web.chat import TURNS
from deskloop.web.guard import same
from deskloop.web.live import Loaded
from deskloop.web.service import Service, service

ROLES = {"customer": "user", "bot": "assistant"}
log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1", include_in_schema=False)


class Numbered(BaseModel):
    """Anything of Chatwoot's with a number; conversations have a status too."""

    id: int
    status: str = ""


class Event(BaseModel):
    """What Chatwoot tells an agent bot, as far as it is read."""

    event: str
    id: int = 0
    content: str | None = None
    message_type: str | int = ""
    private: bool = False
    account: Numbered | None = None
    conversation: Numbered | None = None


@router.post("/hooks/chatwoot/{hook}", status_code=202)
async def hear(hook: str, event: Event, service: Annotated[Service, Depends(service)]) -> dict[str, str]:
    """Take on a customer's message; the answer goes to Chatwoot by itself."""
    where = service.settings.serve.chatwoot
    if where is None or not same(hook, where.hook.get_secret_value()):
        raise HTTPException(404, "there is nothing here")
    if not _for_us(event) or event.id in service.heard:
        return {"status": "ignored"}
    loaded = service.live.take()
    if service.workers.start(lambda: _converse(service, loaded, where, event)) is None:
        if loaded:
            service.live.give(loaded)
        raise HTTPException(503, "too many conversations at once; try again", {"Retry-After": "2"})
    service.heard.append(event.id)
    return {"status": "taken"}


def _for_us(event: Event) -> bool:
    """A customer's message in a conversation that no person has taken."""
    said = event.event == "message_created" and event.message_type in ("incoming", 0) and not event.private
    return bool(said and event.account and event.conversation and event.conversation.status == "pending")


def _converse(service: Service, loaded: Loaded | None, where: Chatwoot, event: Event) -> Iterator[None]:
    """In a worker thread: answer, tell Chatwoot, store. What cannot be answered is opened for the team."""
    began = time.perf_counter()
    assert event.account and event.conversation
    path = f"api/v1/accounts/{event.account.id}/conversations/{event.conversation.id}"
    try:
        text, passed_on = _answered(service, loaded, where, event)
        with Client("serve.chatwoot", where.url, Token("api_access_token", "{}", where.token)) as client:
            client.post(f"{path}/messages", {"content": text, "message_type": "outgoing"})
            if passed_on:
                client.post(f"{path}/toggle_status", {"status": "open"})
        outcome = "handed over" if passed_on else "answered"
        log.info("chatwoot: %s in %.0f ms", outcome, 1000 * (time.perf_counter() - began))
    except (BadInput, TransientError) as error:
        log.error("an answer did not reach Chatwoot: %s", error)
    finally:
        if loaded:
            service.live.give(loaded)
    yield from ()


def _answered(service: Service, loaded: Loaded | None, where: Chatwoot, event: Event) -> tuple[str, bool]:
    """What to say, and whether a person takes over."""
    shop, said = service.settings.shop, (event.content or "").strip()
    if loaded is None or not said or len(said) > service.settings.serve.max_message_chars:
        return courtesy.handover(shop, None), True  # a picture, a letter, or nobody is here to read it
    assert event.account and event.conversation
    # unguessable, as whoever knows a conversation's id may read it
    named = f"{event.account.id}/{event.conversation.id}".encode()
    conversation = hmac.new(where.hook.get_secret_value().encode(), named, hashlib.sha256).hexdigest()[:32]
    before = service.traffic.conversation(conversation)
    messages = [{"role": ROLES[m["role"]], "content": m["text"]} for m in before if m["role"] in ROLES]
    messages = [*messages[1 - TURNS :], {"role": "user", "content": said}]
    *_, answer = loaded.bot.stream(messages)
    assert isinstance(answer, Answer)
    service.keep(conversation, messages, answer, loaded, channel="chatwoot")
    service.meters.answers.labels(answer.kind).inc()
    return _text(answer), answer.kind == "handoff"


def _text(answer: Answer) -> str:
    """All of an answer as one message: pages as addresses, suggestions by numbers that may be sent back."""
    pages = dict.fromkeys(s.link for s in answer.sources if s.link)
    offered = [f"{n}. {s.question}" for n, s in enumerate(answer.suggestions, 1)]
    return "\n".join([answer.text, *pages, *([courtesy.MEANT, *offered] if offered else [])])
