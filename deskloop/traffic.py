"""Served conversations, feedback, reviews and drift events in SQL. Takes text that is redacted already."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Engine, and_, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from deskloop import database as db
from deskloop.courtesy import URGENT
from deskloop.errors import BadInput
from deskloop.records import Answer

_MASK = re.compile(r"<[A-Z_]+_\d+>")  # what stands for personal data


class Traffic:
    """What was said through one deployment of the bot."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def record(
        self,
        conversation_id: str,
        text: str,
        answer: Answer,
        answer_text: str,
        *,
        channel: str,
        version: int,
        scope: float | None = None,
    ) -> tuple[str, str]:
        """Keep one exchange. Returns the ids of the customer's message and of the answer.

        A hand-over has no sources; what it suggests is kept in their place, for the colleague to see and use.
        """
        asked, answered = uuid.uuid4().hex, uuid.uuid4().hex
        shared = {
            "conversation_id": conversation_id, "model_version": version, "intent": answer.intent,
            "confidence": answer.confidence, "scope": scope, "kind": answer.kind, "reason": answer.reason,
            "latency_ms": answer.latency_ms,
        }  # fmt: skip
        fields = {"id", "question", "url", "score"} | ({"answer"} if answer.suggestions else set())
        sources = [s.model_dump(include=fields) for s in answer.sources or answer.suggestions]
        self.open(conversation_id, channel)
        with self.engine.begin() as c:
            c.execute(insert(db.messages).values(id=asked, role="customer", text=text, **shared))
            c.execute(
                insert(db.messages).values(id=answered, role="bot", text=answer_text, sources=sources, **shared)
            )
            if answer.kind == "handoff":
                c.execute(
                    update(db.conversations).where(db.conversations.c.id == conversation_id).values(handed_over=True)
                )
        return asked, answered

    def open(self, conversation_id: str, channel: str) -> None:
        """Make sure the conversation exists."""
        try:
            with self.engine.begin() as c:
                known = select(db.conversations.c.id).where(db.conversations.c.id == conversation_id)
                if c.execute(known).first() is None:
                    c.execute(insert(db.conversations).values(id=conversation_id, channel=channel))
        except IntegrityError:
            pass  # another request of the same conversation was first

    def say(self, conversation_id: str, role: str, text: str) -> str:
        """Keep a message that no model made, such as a colleague's reply. Raises BadInput if unknown."""
        message = uuid.uuid4().hex
        try:
            with self.engine.begin() as c:
                c.execute(
                    insert(db.messages).values(id=message, conversation_id=conversation_id, role=role, text=text)
                )
        except IntegrityError:
            raise BadInput(f"there is no conversation {conversation_id}") from None
        return message

    def thumb(self, message_id: str, thumb: int, comment: str = "") -> None:
        """Keep the customer's verdict on an answer; a second one replaces the first."""
        self._replace(db.feedback, message_id, {"thumb": thumb, "comment": comment})

    def review(
        self, message_id: str, *, intent: str | None, reply: str = "", knowledge_url: str | None = None
    ) -> None:
        """Keep what a person of the desk says of a customer's message: its label and the right reply."""
        self._replace(db.reviews, message_id, {"intent": intent, "reply": reply, "knowledge_url": knowledge_url})

    def approve(self, message_id: str, yes: bool) -> None:
        """Let the bot give the reviewed reply to whoever asks the same, from the next training on; or no longer.

        Raises BadInput where there is no reply, or where question or reply hold somebody's own data.
        """
        m, r, a = db.messages.c, db.reviews.c, db.approvals
        query = select(m.text, r.reply).join(db.reviews, r.message_id == m.id).where(m.id == message_id)
        with self.engine.begin() as c:
            c.execute(delete(a).where(a.c.message_id == message_id))
            if not yes:
                return
            row = c.execute(query).first()
            if row is None or not row.reply.strip():
                raise BadInput("nothing can be approved: write the answer that everybody may get")
            if _MASK.search(f"{row.text} {row.reply}"):
                raise BadInput(
                    "question or answer hold somebody's own data: put a general answer into your help pages"
                )
            c.execute(insert(a).values(message_id=message_id))

    def conversation(self, conversation_id: str) -> list[dict[str, Any]]:
        """All messages of a conversation, oldest first."""
        m = db.messages.c
        query = select(db.messages).where(m.conversation_id == conversation_id).order_by(m.at, m.role.desc())
        return self._rows(query)

    def replies(self, conversation_id: str) -> list[dict[str, Any]]:
        """Colleagues' replies, oldest first."""
        m = db.messages.c
        mine = (m.conversation_id == conversation_id, m.role == "agent")
        return self._rows(select(m.id, m.text, m.at).where(*mine).order_by(m.at, m.id))

    def recent(self, limit: int = 50, handed_over: bool | None = None) -> list[dict[str, Any]]:
        """Conversations, urgent ones first, then the last to be active, with their number of messages.

        `waiting` tells that a handed-over customer has said something since a colleague last replied, and gave the
        bot's answer to it no thumb up; `urgent` that danger, misuse or legal steps are why somebody waits; `text` is
        what the customer said last, `joined` that a colleague is in the chat.
        """
        c, m, t, f = db.conversations.c, db.messages.c, db.takeovers.c, db.feedback.c
        asked = func.max(case((m.role == "customer", m.at)))
        replied = func.max(case((m.role == "agent", m.at)))
        helped = func.max(case((and_(m.role == "bot", f.thumb > 0), m.at)))
        waiting = and_(c.handed_over, *(or_(settled.is_(None), settled < asked) for settled in (replied, helped)))
        urgent = and_(waiting, func.max(case((m.reason.in_(URGENT), 1), else_=0)) == 1).label("urgent")
        last = func.max(m.at).label("last_at")
        count = func.count(m.id).label("messages")
        said = db.messages.alias()
        latest = (
            select(said.c.text)
            .where(said.c.conversation_id == c.id, said.c.role == "customer")
            .order_by(said.c.at.desc())
            .limit(1)
            .scalar_subquery()
        )
        joined = exists().where(t.conversation_id == c.id, t.state == "joined").label("joined")
        query = (
            select(*db.conversations.c, count, last, waiting.label("waiting"), urgent, latest.label("text"), joined)
            .join(db.messages, m.conversation_id == c.id)
            .outerjoin(db.feedback, f.message_id == m.id)
            .group_by(c.id, c.started_at, c.channel, c.handed_over)
            .order_by(urgent.desc(), last.desc())
            .limit(limit)
        )
        return self._rows(query.where(c.handed_over == handed_over) if handed_over is not None else query)

    def intents(self) -> list[str]:
        """Intents that messages were given by a model or by the desk."""
        m, r = db.messages.c.intent, db.reviews.c.intent
        both = select(m).where(m.is_not(None)).union(select(r).where(r.is_not(None)))
        with self.engine.connect() as c:
            return sorted(c.execute(both).scalars())

    def window(self, limit: int) -> list[dict[str, Any]]:
        """The latest customer messages that a model answered, oldest first."""
        m = db.messages.c
        query = select(db.messages).where(m.role == "customer", m.model_version.is_not(None))
        return self._rows(query.order_by(m.at.desc()).limit(limit))[::-1]

    def reviewed(self) -> list[dict[str, Any]]:
        """Reviewed customer messages, oldest first, for the next training."""
        m, r, a = db.messages.c, db.reviews.c, db.approvals.c
        approved = a.message_id.is_not(None).label("approved")
        kept = m.conversation_id, m.id.label("message_id"), m.text, r.intent, r.reply, r.knowledge_url, m.at
        query = (
            select(*kept, approved)
            .join(db.reviews, r.message_id == m.id)
            .outerjoin(db.approvals, a.message_id == m.id)
        )
        return self._rows(query.order_by(m.at, m.id))

    def replied(self) -> list[dict[str, Any]]:
        """Messages of conversations in which a colleague replied and nothing is reviewed, each's oldest first."""
        m = db.messages.c
        helped = select(m.conversation_id).where(m.role == "agent")
        judged = select(m.conversation_id).join(db.reviews, db.reviews.c.message_id == m.id)
        query = select(m.conversation_id, m.id, m.role, m.text, m.at).where(
            m.conversation_id.in_(helped), m.conversation_id.not_in(judged)
        )
        return self._rows(query.order_by(m.conversation_id, m.at, m.role.desc(), m.id))

    def thumbs(self) -> dict[str, int]:
        """Sum of the customer's verdicts by conversation, where there are any."""
        m, f = db.messages.c, db.feedback.c
        query = select(m.conversation_id, func.sum(f.thumb)).join(db.feedback, f.message_id == m.id)
        with self.engine.connect() as c:
            rows = c.execute(query.group_by(m.conversation_id).order_by(m.conversation_id))
            return {row[0]: int(row[1]) for row in rows}

    def texts(self) -> Iterator[tuple[str, str]]:
        """Conversation id and text of everything that was said or written about it, as a stream."""
        m, r, f = db.messages.c, db.reviews.c, db.feedback.c
        said = select(m.conversation_id, m.text)
        right = select(m.conversation_id, r.reply).join(db.reviews, r.message_id == m.id)
        thought = select(m.conversation_id, f.comment).join(db.feedback, f.message_id == m.id)
        with self.engine.connect() as c:
            for query in (said, right, thought):
                for row in c.execution_options(yield_per=1000).execute(query):
                    yield row[0], row[1]

    def forget(self, conversation_ids: Collection[str]) -> dict[str, int]:
        """Delete conversations with all that hangs on them. Returns how many rows of each table went.

        On SQLite the bytes are overwritten too, in the file and in its log.
        """
        gone: dict[str, int] = {}
        with self.engine.begin() as c:
            for conversation in conversation_ids:
                mine = select(db.messages.c.id).where(db.messages.c.conversation_id == conversation)
                for table, where in (
                    (db.feedback, db.feedback.c.message_id.in_(mine)),
                    (db.reviews, db.reviews.c.message_id.in_(mine)),
                    (db.approvals, db.approvals.c.message_id.in_(mine)),
                    (db.messages, db.messages.c.conversation_id == conversation),
                    (db.takeovers, db.takeovers.c.conversation_id == conversation),
                    (db.conversations, db.conversations.c.id == conversation),
                ):
                    gone[table.name] = gone.get(table.name, 0) + c.execute(delete(table).where(where)).rowcount
        if self.engine.dialect.name == "sqlite":
            with self.engine.connect() as c:
                c.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    def counts(self) -> dict[str, int]:
        """Numbers a support lead asks for first."""
        m, f = db.messages.c, db.feedback.c
        asked = and_(m.role == "customer", m.model_version.is_not(None))
        queries = {
            "conversations": select(func.count()).select_from(db.conversations),
            "messages": select(func.count()).select_from(db.messages).where(asked),
            "handed_over": select(func.count()).select_from(db.messages).where(asked, m.kind == "handoff"),
            "thumbs_up": select(func.count()).select_from(db.feedback).where(f.thumb > 0),
            "thumbs_down": select(func.count()).select_from(db.feedback).where(f.thumb < 0),
            "reviews": select(func.count()).select_from(db.reviews),
        }
        with self.engine.connect() as c:
            return {name: int(c.execute(query).scalar_one()) for name, query in queries.items()}

    def drift(self, verdict: str, detail: dict[str, Any], model_version: int | None) -> str:
        """Keep the outcome of a drift check. Returns its id."""
        event = uuid.uuid4().hex
        row = {"id": event, "verdict": verdict, "detail": detail, "model_version": model_version}
        with self.engine.begin() as c:
            c.execute(insert(db.drift_events).values(**row))
        return event

    def drift_history(self, limit: int = 50) -> list[dict[str, Any]]:
        """Drift checks, newest first."""
        return self._rows(select(db.drift_events).order_by(db.drift_events.c.at.desc()).limit(limit))

    def _replace(self, table: Any, message_id: str, values: dict[str, Any]) -> None:
        values = {**values, "at": db.now()}
        change = update(table).where(table.c.message_id == message_id).values(**values)
        try:
            with self.engine.begin() as c:
                if c.execute(select(db.messages.c.id).where(db.messages.c.id == message_id)).first() is None:
                    raise BadInput(f"there is no message {message_id}")
                if not c.execute(change).rowcount:
                    c.execute(insert(table).values(message_id=message_id, **values))
        except IntegrityError:  # another verdict on the same message came first; the last one counts
            with self.engine.begin() as c:
                c.execute(change)

    def _rows(self, query: Any) -> list[dict[str, Any]]:
        with self.engine.connect() as c:
            return [dict(row._mapping) for row in c.execute(query)]
