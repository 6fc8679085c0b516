"""Which conversations a colleague is in: there the bot stays silent until they leave. Knows nothing about HTTP."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from deskloop import database as db
from deskloop.errors import BadInput

State = Literal["none", "joined", "released", "closed"]


class Takeovers:
    """Colleagues joining conversations and leaving them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def join(self, conversation_id: str) -> None:
        """A colleague is in the chat from now on. Raises BadInput if there is no such conversation."""
        t, held = db.takeovers, db.conversations
        values = {"state": "joined", "at": db.now()}
        change = update(t).where(t.c.conversation_id == conversation_id).values(**values)
        with self.engine.begin() as c:
            if not c.execute(update(held).where(held.c.id == conversation_id).values(handed_over=True)).rowcount:
                raise BadInput(f"there is no conversation {conversation_id}")
            if not c.execute(change).rowcount:
                with suppress(IntegrityError), c.begin_nested():  # another colleague was first
                    c.execute(insert(t).values(conversation_id=conversation_id, **values))

    def leave(self, conversation_id: str, closed: bool) -> None:
        """The bot answers again; nobody waits any more. Raises BadInput if no colleague is in the chat."""
        t, held = db.takeovers, db.conversations
        values = {"state": "closed" if closed else "released", "at": db.now()}
        mine = (t.c.conversation_id == conversation_id, t.c.state == "joined")
        with self.engine.begin() as c:
            if not c.execute(update(t).where(*mine).values(**values)).rowcount:
                raise BadInput(f"no colleague is in conversation {conversation_id}")
            c.execute(update(held).where(held.c.id == conversation_id).values(handed_over=False))

    def state(self, conversation_id: str) -> State:
        """What a colleague did last."""
        query = select(db.takeovers.c.state).where(db.takeovers.c.conversation_id == conversation_id)
        with self.engine.connect() as c:
            found: State | None = c.execute(query).scalar_one_or_none()
        return found or "none"
