"""The kinds of sources that `deskloop.yaml` can name, each with what it takes to read one.

Knows what is asked for, not how it is read: that is `deskloop.sources`.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class Section(BaseModel):
    """A frozen part of the configuration that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Dates = Literal["iso", "day_first", "month_first"]
_DATES = "What 3/4/2026 means, if times are written so: else such a time is not read."


class SourceBase(Section):
    """What every source has."""

    # fields that say how a source is read, not which it is: a change of another one begins its journal anew
    manner: ClassVar[frozenset[str]] = frozenset({"columns", "dates", "limit", "rate", "max_pages", "own_addresses"})

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Unique; shows in lineage and reports.")


class FaqSource(SourceBase):
    """A site of FAQ or help-centre pages, crawled from `url` and its sitemap."""

    manner: ClassVar[frozenset[str]] = frozenset({"rate", "max_pages", "max_depth", "max_megabytes", "allow_private"})

    kind: Literal["faq"]
    url: str
    max_pages: int = Field(200, ge=1, le=100_000)
    max_depth: int = Field(8, ge=0, le=100, description="Links followed from the first page or the sitemap.")
    max_megabytes: int = Field(200, ge=1, le=100_000, description="Of all pages together, unpacked.")
    rate: float = Field(20.0, gt=0, description="Requests per second at most.")
    allow_private: bool = Field(
        False, description="Allow the host named in `url` to have a loopback or private address."
    )


class MailSource(SourceBase):
    """An mbox file, a maildir, or a folder of .eml, .msg and .mbox files."""

    kind: Literal["mail"]
    path: Path
    own_addresses: tuple[str, ...] = Field((), description="Addresses or @domains of the desk itself.")


class HelpdeskSource(SourceBase):
    """A help-desk export."""

    kind: Literal["helpdesk"]
    path: Path
    format: Literal["zendesk", "zendesk_chat", "intercom", "chatwoot", "freshdesk"]


class HelpdeskApiSource(SourceBase):
    """A help desk's live API, read from where the last run ended."""

    manner: ClassVar[frozenset[str]] = frozenset({"token", "user", "deletions"})

    kind: Literal["helpdesk_api"]
    vendor: Literal["zendesk", "zendesk_chat", "intercom", "chatwoot", "freshdesk"]
    url: str = Field(description="Such as https://acme.zendesk.com or https://api.intercom.io")
    token: SecretStr = Field(min_length=1, description='API token; write "${ZENDESK_TOKEN}" and set that variable.')
    user: str | None = Field(None, description="Zendesk: the agent's e-mail an API token belongs to; none for OAuth.")
    account: int | None = Field(None, ge=1, description="Chatwoot: number of the account.")
    since: date | None = Field(None, description="Leave out what has not changed since this day.")
    deletions: bool = Field(
        True, description="Intercom, Chatwoot: list all conversations on each run to find deleted ones."
    )

    @model_validator(mode="after")
    def _chatwoot_has_an_account(self) -> Self:
        if self.vendor == "chatwoot" and self.account is None:
            raise ValueError("account is missing: the number in Chatwoot's address after /accounts/")
        return self


class Chatwoot(Section):
    """Where the bot is an agent bot of Chatwoot."""

    url: str = Field(pattern=r"^https?://[^/\s]+", description="Of your Chatwoot, such as https://app.chatwoot.com.")
    token: SecretStr = Field(min_length=1, description='Of the agent bot; write "${CHATWOOT_BOT_TOKEN}".')
    hook: SecretStr = Field(min_length=16, description="Last part of the webhook's address, known to Chatwoot alone.")


class ImapSource(SourceBase):
    """A mailbox on an IMAP server; TLS unless the server is this machine and `tls` says `none`."""

    manner: ClassVar[frozenset[str]] = frozenset({"password", "own_addresses", "tls", "port"})

    kind: Literal["imap"]
    host: str
    port: int | None = Field(None, ge=1, le=65535, description="993 for tls, 143 else.")
    user: str
    password: SecretStr = Field(min_length=1, description='Write "${IMAP_PASSWORD}" and set that variable.')
    folders: tuple[str, ...] = Field(("INBOX",), min_length=1, description="Add the folder of sent replies.")
    tls: Literal["tls", "starttls", "none"] = "tls"
    certificate: Path | None = Field(None, description="Authority of the server's certificate if it is your own.")
    own_addresses: tuple[str, ...] = Field((), description="Addresses or @domains of the desk itself.")


class SqlSource(SourceBase):
    """Rows of a query by SQLAlchemy URL; `columns` maps our names to theirs."""

    manner: ClassVar[frozenset[str]] = SourceBase.manner | {"list_hours"}

    kind: Literal["sql"]
    url: str
    query: str
    watermark: str | None = Field(
        None, description="Column of the query that grows with every change; then only changed rows are read."
    )
    key: str | None = Field(None, description="Unique column of the query; needed with `watermark`.")
    deleted: str | None = Field(None, description="Column that is true, or a time, once a row is deleted.")
    list_hours: float = Field(
        24.0, ge=0, description="Hours after which all keys are listed, to find deleted and missed rows."
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Ours: id, text, reply, intent, at, customer, channel, outcome, knowledge_url, "
        "synthetic, core_id.",
    )
    dates: Dates = Field("iso", description=_DATES)

    @model_validator(mode="after")
    def _watermark_has_a_key(self) -> Self:
        if bool(self.watermark) != bool(self.key):
            raise ValueError("watermark and key go together: the column that grows, and the column that is unique")
        if self.deleted and not self.watermark:
            raise ValueError("deleted needs watermark; without it let the query leave deleted rows out")
        return self


class FilesSource(SourceBase):
    """JSONL, CSV, Excel or Parquet: conversations, knowledge or labelled messages (Rasa NLU YAML too)."""

    kind: Literal["files"]
    path: Path
    content: Literal["conversations", "knowledge", "messages", "rasa_nlu", "rasa_domain", "chat"] = "conversations"
    columns: dict[str, str] = Field(default_factory=dict)
    dates: Dates = Field("iso", description=_DATES)
    limit: int | None = Field(None, ge=1)


class TrafficSource(SourceBase):
    """The bot's own conversations that a person of the desk has reviewed."""

    kind: Literal["traffic"]


class SyntheticSource(SourceBase):
    """Messages grown from the labelled messages of another source, by rules or by a language model's server."""

    manner: ClassVar[frozenset[str]] = SourceBase.manner | {"code_switch", "hard_negatives", "key"}

    kind: Literal["synthetic"]
    grow: str = Field(description="Name of the source whose labelled messages are grown.")
    per_core: int = Field(2, ge=1, le=50)
    seed: int = 7
    code_switch: tuple[Literal["nl", "de", "fr", "es"], ...] = Field(
        (), description="Languages that one more variant of each message is mixed with."
    )
    hard_negatives: int = Field(
        0, ge=0, le=10, description="Look-alikes of each message about nothing a shop does, labelled out_of_scope."
    )
    url: str | None = Field(None, description="OpenAI-compatible server (its /v1) that rewrites, instead of rules.")
    model: str = Field("deskloop", description="Name of the model on that server.")
    key: SecretStr | None = Field(None, description="API key of that server.")


AnySource = Annotated[
    FaqSource
    | MailSource
    | ImapSource
    | HelpdeskSource
    | HelpdeskApiSource
    | SqlSource
    | FilesSource
    | TrafficSource
    | SyntheticSource,
    Field(discriminator="kind"),
]
