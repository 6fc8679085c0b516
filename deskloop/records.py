"""Frozen records that travel between rooms. Knows nothing about where they come from or are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["customer", "agent", "bot"]
OUT_OF_SCOPE = "out_of_scope"  # the intent of a message about nothing that the team does


class Record(BaseModel):
    """A value: frozen, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Receipt(Record):
    """What a stage hands to the next: kind, digest and number of rows of something in the store."""

    kind: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    rows: int = Field(ge=0)


class Dataset(Record):
    """Receipts of what preprocessing gives."""

    conversations: Receipt
    knowledge: Receipt
    messages: Receipt
    quarantine: Receipt
    card: Receipt


class Named(Record):
    """Receipts of messages with an intent each where one is known, and of the topics that were found for it."""

    messages: Receipt
    topics: Receipt | None


class Outcome(Record):
    """How a training ended."""

    version: int = Field(description="of the candidate")
    promoted: bool
    waits: bool = Field(False, description="passed the gate, and a person has to approve it")
    summary: str
    bundle: Receipt


class DriftOutcome(Record):
    """How a drift check ended."""

    verdict: Literal["drift", "none", "undetermined"]
    summary: str
    model_version: int | None
    messages: int
    event: str | None = Field(None, description="id of the drift check in the database")
    announced: bool = False


class Reckoning(Record):
    """What a backtest wrote."""

    version: int | None = Field(description="of the release that was looked at; None where there is no champion yet")
    summary: str
    page: str | None = Field(description="path of the page on the host that ran it")


class Attachment(Record):
    """A file that came with a message. It is listed and never opened."""

    name: str
    type: str = Field("", description="as the sender told it, such as application/pdf")
    size: int | None = Field(None, ge=0, description="bytes")


class Lineage(Record):
    """Where a row was read: the source's name, a place inside it, and the digest of the raw row."""

    source: str
    locator: str
    sha256: str
    attachments: tuple[Attachment, ...] = ()


class Turn(Record):
    """One message of a conversation."""

    role: Role
    text: str
    at: datetime | None = None


class Conversation(Record):
    """A dialogue between one customer and the desk, oldest turn first."""

    id: str
    source: str
    channel: str = Field(description="chat, email, ticket, ...")
    started_at: datetime | None = None
    customer: str | None = Field(None, description="keyed hash of the customer's address or id")
    turns: tuple[Turn, ...]
    language: str = "und"
    outcome: str | None = None
    intent: str | None = Field(None, description="label given by the desk, if any")
    knowledge_url: str | None = Field(None, description="help article the agent used, if known")
    synthetic: bool = False
    core_id: str | None = Field(None, description="the hand-written row that a synthetic row grew from")
    names: tuple[str, ...] = Field((), description="the participants' names, for redaction; empty once cleaned")
    lineage: Lineage


class KnowledgeEntry(Record):
    """One question of the knowledge base and its approved answer."""

    id: str
    question: str
    answer: str
    url: str | None = None
    updated_at: datetime | None = None
    source: str
    approved: bool = True
    language: str = "und"


class Quarantined(Record):
    """An input row that was set aside, and why. The excerpt is redacted and at most 200 characters."""

    source: str
    locator: str
    reason: str
    excerpt: str = ""


class Source(Record):
    """What an answer rests on."""

    id: str
    question: str
    answer: str
    url: str | None
    score: float

    @property
    def link(self) -> str | None:
        """The address as far as a browser can follow it: an approved reply of the desk has none."""
        return self.url if self.url and self.url.startswith(("http://", "https://")) else None


class Answer(Record):
    """What the bot says. `kind` tells how it came about; a hand-over says why in `reason`; `clarify` asks back."""

    text: str
    kind: Literal["generate", "retrieve", "clarify", "handoff", "smalltalk"]
    intent: str | None = None
    confidence: float = Field(
        0.0, ge=0, le=1, description="that what is shown, or was not for want of it, answers; else that of the intent"
    )
    scope: float | None = Field(None, description="in-scope score of the question")
    sources: tuple[Source, ...] = ()
    suggestions: tuple[Source, ...] = Field((), description="offered where none is shown: one of them may answer it")
    reason: str | None = None
    model: str = Field("", description="version of the bundle that answered")
    latency_ms: float = 0.0
