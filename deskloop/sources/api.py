"""Help desks by their live API: what changed since the last run goes into the journal, all of it into a Batch."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import partial

import httpx
from pydantic import SecretStr

from deskloop.errors import BadInput
from deskloop.origins import HelpdeskApiSource
from deskloop.settings import Settings
from deskloop.sources import helpdesk, journal
from deskloop.sources.batch import Batch, Builder
from deskloop.sources.client import Client, Token
from deskloop.sources.vendors import WALKS

_INTERCOM = {"Intercom-Version": "2.11", "Accept": "application/json"}


def read(source: HelpdeskApiSource, settings: Settings) -> Batch:
    """Every conversation that the desk holds now. Raises BadInput or TransientError."""
    builder = Builder(source.name)
    for key, record in journal.follow(source, settings, partial(_pages, source, settings)).items():
        helpdesk.add(builder, source.vendor, f"{source.vendor}/{key}", record, record, settings)
    return builder.batch(source.url)


def fingerprint(source: HelpdeskApiSource, settings: Settings) -> str:
    """Digest of what the desk holds now, after asking for what changed."""
    return journal.fingerprint(source, settings, partial(_pages, source, settings))


def _pages(source: HelpdeskApiSource, settings: Settings, cursor: journal.Record | None) -> Iterator[journal.Page]:
    """The vendor's pages without what is in the journal already."""
    known = journal.records(source, settings)
    with Client(source.name, source.url, _auth(source), _INTERCOM if source.vendor == "intercom" else None) as client:
        try:
            for page in WALKS[source.vendor](client, source, known, cursor):
                changes = tuple(c for c in page.changes if c.record != known.get(c.key))
                yield journal.Page(changes, page.cursor)
                known.update({c.key: c.record for c in changes if c.record is not None})
                for change in changes:
                    if change.record is None:
                        known.pop(change.key, None)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(
                f"source {source.name}: {source.url} does not answer as {source.vendor} does "
                f"({type(error).__name__} {str(error)[:60]}); check `vendor` and `url`"
            ) from None


def _auth(source: HelpdeskApiSource) -> httpx.Auth:
    """How each vendor takes its token: as a bearer, in a header of its own, or as a user or password of Basic."""
    if source.vendor == "chatwoot":
        return Token("api_access_token", "{}", source.token)
    token = source.token.get_secret_value()
    if source.vendor == "freshdesk":
        return Token("Authorization", "Basic {}", _basic(f"{token}:X"))
    if source.vendor == "zendesk" and source.user:
        return Token("Authorization", "Basic {}", _basic(f"{source.user}/token:{token}"))
    return Token("Authorization", "Bearer {}", source.token)


def _basic(pair: str) -> SecretStr:
    return SecretStr(base64.b64encode(pair.encode()).decode())
