"""What the API takes and gives, OpenAI's chat completions first. Unknown OpenAI fields are accepted and ignored."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ConversationId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]


class Part(BaseModel):
    """A piece of a message; only text is understood."""

    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """One message of the client's own record of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """The content as one string."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class Metadata(BaseModel):
    """The client's own notes, of which one is used."""

    model_config = ConfigDict(extra="ignore")
    conversation_id: ConversationId | None = None


class ChatRequest(BaseModel):
    """POST /v1/chat/completions."""

    model: str = ""
    messages: list[ChatMessage] = Field(min_length=1, max_length=200)
    stream: bool = False
    metadata: Metadata | None = None


class Cited(BaseModel):
    """A source under an answer."""

    id: str
    question: str
    url: str | None


class About(BaseModel):
    """How an answer came about: the field `deskloop` beside OpenAI's own."""

    message_id: str | None = Field(description="Of the answer; null where it could not be stored.")
    customer_message_id: str | None
    conversation_id: str
    kind: str = Field(description="`colleague` where one is in the chat: then nothing is answered.")
    intent: str | None
    confidence: float = Field(
        description="That what is shown, or was not for want of it, answers; of other hand-overs that of the intent."
    )
    sources: list[Cited]
    suggestions: list[Cited] = Field([], description="Offered where none is shown: the customer may have meant one.")
    reason: str | None
    version: int


class FeedbackRequest(BaseModel):
    """POST /v1/feedback."""

    message_id: str = Field(max_length=64)
    thumb: Literal[1, -1]
    comment: str = Field("", max_length=2000)


class ReplyRequest(BaseModel):
    """A colleague's reply."""

    text: Text


class ReviewRequest(BaseModel):
    """What the desk says of a customer's message."""

    message_id: str = Field(max_length=64)
    intent: str | None = Field(None, max_length=120)
    reply: str = Field("", max_length=10_000)
    knowledge_url: str | None = Field(None, max_length=2000, pattern=r"^https?://")
    approve: bool = Field(False, description="The bot may give the reply to whoever asks the same.")


class Reply(BaseModel):
    """A colleague's reply as the customer sees it."""

    id: str
    text: str
    at: datetime


class Replies(BaseModel):
    """Colleagues' replies, oldest first, and whether one is in the chat now."""

    data: list[Reply]
    colleague: Literal["none", "joined", "released", "closed"]


class LeaveRequest(BaseModel):
    """A colleague leaves: the conversation is closed, or just given back to the bot."""

    closed: bool = False


class Listing(BaseModel):
    """Rows, newest first unless said otherwise."""

    data: list[Any]
