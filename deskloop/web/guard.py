"""Who may do what: API clients by key or by the page's own ticket, the desk by its token, all at a rate."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from pydantic import SecretStr

from deskloop.settings import Serve
from deskloop.web.service import Service, service

TICKET_SECONDS = 7 * 24 * 3600


def secret(value: SecretStr | None) -> str | None:
    """A configured secret; an empty one counts as unset."""
    return (value.get_secret_value() or None) if value else None


def same(given: str, wanted: str) -> bool:
    """Are two secrets equal? Takes as long whether they are or not."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def ticket(serve: Serve) -> str:
    """What lets the page we serve use the API for a week where clients need a key; else empty.

    It stands in the page and not in a cookie: inside another website's frame browsers keep cookies back.
    """
    key = secret(serve.api_key)
    until = str(int(time.time()) + TICKET_SECONDS)
    return f"{until}.{_sign(key, until)}" if key else ""


def require_client(request: Request, service: Annotated[Service, Depends(service)]) -> None:
    """An API client with the key or the page's ticket, if a key is set."""
    key, given = secret(service.settings.serve.api_key), _bearer(request)
    if key and not (same(given, key) or _is_ticket(given, key)):
        raise HTTPException(401, "this API needs its key: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"})


def require_desk(request: Request, service: Annotated[Service, Depends(service)]) -> None:
    """A colleague with the desk's token. Without a configured token there is no desk: 404."""
    token = secret(service.settings.serve.desk_token)
    if token is None:
        raise HTTPException(404, "the desk is off; set serve.desk_token to switch it on")
    if not same(_bearer(request), token):
        slow_down(request, service)  # guessing is paid for like talking
        raise HTTPException(401, "the desk's token is missing or wrong", {"WWW-Authenticate": "Bearer"})


def slow_down(request: Request, service: Annotated[Service, Depends(service)]) -> None:
    """Refuse a client that speaks too often."""
    wait = service.rate.wait(request.client.host if request.client else "unknown")
    if wait:
        service.meters.refused.labels("rate").inc()
        raise HTTPException(429, "too many messages; try again shortly", {"Retry-After": str(int(wait) + 1)})


def _bearer(request: Request) -> str:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


def _is_ticket(given: str, key: str) -> bool:
    until, _, signature = given.partition(".")
    return until.isdigit() and int(until) > time.time() and same(signature, _sign(key, until))


def _sign(key: str, until: str) -> str:
    return hmac.new(key.encode(), f"page {until}".encode(), hashlib.sha256).hexdigest()
