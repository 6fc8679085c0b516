"""The desk's token: the configured one, or one made once and kept beside the data, readable by its owner only."""

from __future__ import annotations

import secrets

from deskloop.settings import Settings
from deskloop.store import write_first


def desk_token(settings: Settings) -> str:
    """The token that lets the desk review and reply."""
    if settings.serve.desk_token is not None:
        return settings.serve.desk_token.get_secret_value()
    path = settings.home / "desk-token"
    if not path.is_file():
        write_first(path, secrets.token_urlsafe(24).encode(), 0o600)
    return path.read_text("utf-8").strip()
