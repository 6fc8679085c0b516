"""The desk's token: the configured one, or one made once and kept beside the data, readable by its owner only."""

from __future__ import annotations

import os
import secrets

from deskloop.settings import Settings


def desk_token(settings: Settings) -> str:
    """The token that lets the desk review and reply."""
    if settings.serve.desk_token is not None:
        return settings.serve.desk_token.get_secret_value()
    path = settings.home / "desk-token"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secrets.token_urlsafe(24))
    return path.read_text("utf-8").strip()
