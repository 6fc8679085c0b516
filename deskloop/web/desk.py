"""The desk's side of the API: handed-over conversations, replies, labels, and what was released and measured."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query

from deskloop.errors import BadInput
from deskloop.web.guard import require_desk
from deskloop.web.schemas import ConversationId, LeaveRequest, Listing, ReplyRequest, ReviewRequest
from deskloop.web.service import Service, service

router = APIRouter(prefix="/v1", dependencies=[Depends(require_desk)])
Shared = Annotated[Service, Depends(service)]
Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("/conversations")
def conversations(service: Shared, limit: Limit = 50, handed_over: bool | None = None) -> Listing:
    """Conversations, the latest first."""
    return Listing(data=service.traffic.recent(limit, handed_over))


@router.get("/conversations/{conversation_id}")
def conversation(conversation_id: ConversationId, service: Shared) -> Listing:
    """All messages of one, oldest first, redacted."""
    messages = service.traffic.conversation(conversation_id)
    if not messages:
        raise HTTPException(404, f"there is no conversation {conversation_id}")
    return Listing(data=messages)


@router.post("/conversations/{conversation_id}/reply", status_code=201)
def reply(conversation_id: ConversationId, body: ReplyRequest, service: Shared) -> dict[str, str]:
    """Send a colleague's reply to the customer. Who replies has joined: the bot is silent from now on."""
    stored = service.redactor().redact(body.text)
    try:
        message_id = service.traffic.say(conversation_id, "agent", stored)
        service.takeovers.join(conversation_id)
    except BadInput as error:
        raise HTTPException(404, str(error)) from None
    if stored != body.text:
        service.outbox.put(conversation_id, message_id, body.text)
    return {"message_id": message_id}


@router.post("/conversations/{conversation_id}/join", status_code=204)
def join(conversation_id: ConversationId, service: Shared) -> None:
    """A colleague is in the chat: the bot is silent."""
    try:
        service.takeovers.join(conversation_id)
    except BadInput as error:
        raise HTTPException(404, str(error)) from None


@router.post("/conversations/{conversation_id}/leave", status_code=204)
def leave(conversation_id: ConversationId, body: LeaveRequest, service: Shared) -> None:
    """The colleague leaves: the bot answers again."""
    try:
        service.takeovers.leave(conversation_id, body.closed)
    except BadInput as error:
        raise HTTPException(409, str(error)) from None


@router.post("/reviews", status_code=204)
def review(body: ReviewRequest, service: Shared) -> None:
    """Keep the right label, reply and article of a customer's message, for the next training; approve the reply."""
    said = service.redactor().redact(body.reply)
    try:
        service.traffic.review(body.message_id, intent=body.intent, reply=said, knowledge_url=body.knowledge_url)
    except BadInput as error:
        raise HTTPException(404, str(error)) from None
    try:
        service.traffic.approve(body.message_id, body.approve)
    except BadInput as error:
        raise HTTPException(422, str(error)) from None


@router.get("/releases")
def releases(service: Shared, limit: Limit = 50) -> dict[str, Any]:
    """Versions, and the log of what was promoted and rolled back, newest first."""
    champion = service.releases.champion()
    versions = [
        {"version": r.version, "created_at": r.created_at, "reason": r.reason, "retired": r.retired,
         "summary": str(r.verdict.get("summary", "")), "metrics": r.metrics}
        for r in service.releases.all()[:limit]
    ]  # fmt: skip
    return {
        "champion": champion.version if champion else None,
        "versions": versions,
        "history": service.releases.history(limit),
    }


@router.get("/drift")
def drift(service: Shared, limit: Limit = 50) -> Listing:
    """Drift checks."""
    return Listing(data=service.traffic.drift_history(limit))


@router.get("/intents")
def intents(service: Shared) -> Listing:
    """Intents seen so far, in order, for the label field."""
    known = {*service.traffic.intents(), *service.settings.shop.handover_intents}
    return Listing(data=sorted(known))
