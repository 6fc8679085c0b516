"""The customer's side of the API: chat completions as OpenAI has them, models, feedback, colleagues' replies."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query
from fastapi.responses import JSONResponse, Response
from sse_starlette import EventSourceResponse

from deskloop.errors import BadInput
from deskloop.records import Answer
from deskloop.web.failures import unexpected
from deskloop.web.guard import require_client, slow_down
from deskloop.web.live import Loaded
from deskloop.web.schemas import About, ChatRequest, ConversationId, FeedbackRequest, Replies, Reply
from deskloop.web.service import Service, service
from deskloop.web.workers import Running

TURNS = 20  # of the client's record, the latest are read
log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1", dependencies=[Depends(require_client)])
Shared = Annotated[Service, Depends(service)]


@router.post("/chat/completions", response_model=None, dependencies=[Depends(slow_down)])
async def complete(
    body: ChatRequest, service: Shared, x_conversation_id: Annotated[ConversationId | None, Header()] = None
) -> Response:
    """Answer the last message of the customer."""
    began = time.perf_counter()
    messages = _readable(body, service.settings.serve.max_message_chars)
    known = x_conversation_id or (body.metadata.conversation_id if body.metadata else None)
    joined = await asyncio.to_thread(service.colleague_in, known) if known else False
    if known and joined:
        return _silence(body, await asyncio.to_thread(service.silent, known, messages))
    conversation = known or new_conversation()
    loaded = service.live.take()
    if loaded is None:
        service.meters.refused.labels("no champion").inc()
        raise HTTPException(503, "no model has been deployed yet; run `deskloop run`", {"Retry-After": "5"})
    running = service.workers.start(lambda: _converse(service, loaded, conversation, messages, began))
    if running is None:
        service.live.give(loaded)
        service.meters.refused.labels("full").inc()
        raise HTTPException(503, "too many conversations at once; try again", {"Retry-After": "2"})
    headers = {"X-Conversation-Id": conversation}
    if body.stream:
        headers["X-Accel-Buffering"] = "no"
        return EventSourceResponse(_chunks(running, loaded.name), headers=headers, sep="\n", ping=15)
    return JSONResponse(await _whole(running, loaded.name), headers=headers)


@router.get("/models")
def models(service: Shared) -> dict[str, Any]:
    """The version being served, if there is one."""
    release = service.live.release
    data = []
    if release:
        created = int(release.created_at.timestamp())
        data.append(
            {"id": f"deskloop-v{release.version}", "object": "model", "created": created, "owned_by": "deskloop"}
        )
    return {"object": "list", "data": data}


@router.post("/feedback", status_code=204, dependencies=[Depends(slow_down)])
def feedback(body: FeedbackRequest, service: Shared) -> None:
    """Keep a thumb; a second one replaces the first."""
    try:
        service.traffic.thumb(body.message_id, body.thumb, service.redactor().redact(body.comment))
    except BadInput as error:
        raise HTTPException(404, str(error)) from None
    service.meters.feedback.labels("up" if body.thumb > 0 else "down").inc()


@router.get("/conversations/{conversation_id}/replies")
def replies(
    conversation_id: ConversationId, service: Shared, after: Annotated[str, Query(max_length=64)] = ""
) -> Replies:
    """Colleagues' replies; `after` is the id of the last one seen. Whoever has the conversation's id may read."""
    rows = service.traffic.replies(conversation_id)
    seen = next((i + 1 for i, r in enumerate(rows) if r["id"] == after), 0)
    service.outbox.delivered(conversation_id, (r["id"] for r in rows[:seen]))
    words = [(r["id"], service.outbox.get(conversation_id, r["id"], r["text"]), r["at"]) for r in rows[seen:]]
    data = [Reply(id=id_, text=text, at=at) for id_, text, at in words]
    return Replies(data=data, colleague=service.takeovers.state(conversation_id))


def new_conversation() -> str:
    """An id that cannot be guessed: knowing it is what lets a customer read colleagues' replies."""
    return secrets.token_urlsafe(18)


def _silence(body: ChatRequest, about: About) -> Response:
    """An answer of no words, in the shape that was asked for."""
    headers, model = {"X-Conversation-Id": about.conversation_id}, f"deskloop-v{about.version}"
    if body.stream:
        told = [_chunk(_envelope("chat.completion.chunk", model), {}, "stop", deskloop=about.model_dump()), "[DONE]"]
        return EventSourceResponse(iter(told), headers=headers, sep="\n")
    return JSONResponse(_completion(model, "", about), headers=headers)


def _readable(body: ChatRequest, limit: int) -> list[dict[str, str]]:
    """The customer's and our own turns. Instructions by role are no part of a customer's conversation."""
    messages = [{"role": m.role, "content": m.text} for m in body.messages if m.role in ("user", "assistant")]
    if not messages or messages[-1]["role"] != "user" or not messages[-1]["content"].strip():
        raise HTTPException(400, "the last message must be the user's and hold text")
    longest = max(len(m["content"]) for m in messages if m["role"] == "user")
    if longest > limit:
        raise HTTPException(413, f"a message has {longest} characters, {limit} are allowed")
    return messages[-TURNS:]


def _converse(
    service: Service, loaded: Loaded, conversation: str, messages: list[dict[str, str]], began: float
) -> Iterator[str | tuple[Answer, About]]:
    """In a worker thread: pieces of the answer, then the stored whole. Gives the version back."""
    first = True
    try:
        for piece in loaded.bot.stream(messages):
            if isinstance(piece, Answer):
                yield piece, service.keep(conversation, messages, piece, loaded)
                service.meters.answers.labels(piece.kind).inc()
                log.info("%s %s in %.0f ms", loaded.name, piece.kind, (time.perf_counter() - began) * 1000)
            else:
                if first:
                    service.meters.first_token.observe(time.perf_counter() - began)
                first = False
                yield piece
    finally:
        service.live.give(loaded)


async def _whole(running: Running[Any], model: str) -> dict[str, Any]:
    async for item in running:
        if not isinstance(item, str):
            answer, about = item
    return _completion(model, answer.text, about)


def _completion(model: str, text: str, about: About) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {**_envelope("chat.completion", model), "choices": [choice], "deskloop": about.model_dump()}


async def _chunks(running: Running[Any], model: str) -> AsyncIterator[str]:
    chunk = partial(_chunk, _envelope("chat.completion.chunk", model))
    yield chunk({"role": "assistant", "content": ""})
    try:
        async for item in running:
            yield (
                chunk({"content": item})
                if isinstance(item, str)
                else chunk({}, "stop", deskloop=item[1].model_dump())
            )
    except Exception as error:  # the status line is sent: the client can only be told inside the stream
        yield bytes(unexpected(error).body).decode()
    yield "[DONE]"


def _chunk(envelope: dict[str, Any], delta: dict[str, str], finish: str | None = None, **extra: Any) -> str:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return json.dumps({**envelope, "choices": choices, **extra}, ensure_ascii=False)


def _envelope(kind: str, model: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{secrets.token_hex(12)}", "object": kind, "created": int(time.time()), "model": model}
