"""A JSON client for one help desk's API: patient with a busy server, one clear line for a refusal.

The token goes to the configured origin alone, never over plain HTTP (but to this machine), and into no message.
Knows nothing about any vendor's paths.
"""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Generator, Mapping
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpx
from pydantic import SecretStr

from deskloop.errors import BadInput, TransientError
from deskloop.sources.retry import patient, retry_after

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_MOST_BYTES = 100_000_000
_GONE = (404, 410)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


class Token(httpx.Auth):
    """Adds a secret to each request; `form` is the header's value with `{}` for the token."""

    def __init__(self, header: str, form: str, secret: SecretStr) -> None:
        self._header, self._form, self._secret = header, form, secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """One request, the header added."""
        request.headers[self._header] = self._form.format(self._secret.get_secret_value())
        yield request


class Client:
    """Requests to one origin, each answered by JSON."""

    def __init__(self, name: str, url: str, auth: httpx.Auth, headers: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"source {name}: url must begin with https://, got {url!r}")
        if parts.scheme == "http" and not is_this_machine(parts.hostname):
            raise BadInput(f"source {name}: a token is not sent over plain http to {parts.hostname}; use https")
        self.name = name
        self._url = url.rstrip("/") + "/"
        self._origin = (parts.scheme, parts.netloc.lower())
        # Redirects are not followed: the token would go along.
        self._client = httpx.Client(timeout=_TIMEOUT, auth=auth, headers=headers, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON at `path`. Raises BadInput or TransientError."""
        return self.page(path, params)[0]

    def found(self, path: str, params: Mapping[str, Any] | None = None) -> Any | None:
        """The JSON at `path`, or None if nothing is there (any more)."""
        return patient(lambda: self._once("GET", path, params, None, gone=True))[0]

    def page(self, path: str, params: Mapping[str, Any] | None = None) -> tuple[Any, str | None]:
        """The JSON at `path`, and the address of the next page from the Link header (RFC 8288) if there is one."""
        return patient(lambda: self._once("GET", path, params, None))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answered to `body`. Raises BadInput or TransientError."""
        return patient(lambda: self._once("POST", path, None, body))[0]

    def _once(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Any, gone: bool = False
    ) -> tuple[Any, str | None]:
        url = urljoin(self._url, path)
        where = f"{urlsplit(url).hostname}{urlsplit(url).path}"
        if (urlsplit(url).scheme, urlsplit(url).netloc.lower()) != self._origin:
            raise BadInput(f"source {self.name}: the server points to {urlsplit(url).netloc}, another site; "
                           "the token is not sent there, check `url`")  # fmt: skip
        try:
            with self._client.stream(method, url, params=params, json=body) as response:
                if gone and response.status_code in _GONE:
                    return None, None
                self._check(response, where)
                return self._json(response, where), response.links.get("next", {}).get("url")
        except httpx.HTTPError as error:
            raise TransientError(f"source {self.name}: {where} is not reachable ({type(error).__name__})") from None

    def _check(self, response: httpx.Response, where: str) -> None:
        status = response.status_code
        if status in _PASSING:
            raise TransientError(f"source {self.name}: {where} answered {status}", _wait(response.headers))
        if status in (401, 403):
            raise BadInput(
                f"source {self.name}: the server refused the token ({status}); it may have expired or lack the "
                "right to read: put a valid one into the variable that `token` names"
            )
        if status >= 300:
            raise BadInput(f"source {self.name}: {where} answered {status}; check `url` in the config")

    def _json(self, response: httpx.Response, where: str) -> Any:
        data = bytearray()
        for piece in response.iter_bytes(262_144):
            data += piece
            if len(data) > _MOST_BYTES:
                raise BadInput(f"source {self.name}: {where} answered more than {_MOST_BYTES:,} bytes")
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise TransientError(f"source {self.name}: {where} answered no whole JSON ({len(data)} bytes)") from None


def _wait(headers: httpx.Headers) -> float | None:
    """Seconds to wait: by Retry-After, or until the moment (Unix seconds) of Intercom's X-RateLimit-Reset."""
    if (asked := retry_after(headers.get("retry-after"))) is not None:
        return asked
    reset = headers.get("x-ratelimit-reset", "")
    return max(0.0, float(reset) - time.time()) if reset.isdigit() and len(reset) >= 10 else None


def is_this_machine(host: str) -> bool:
    """Whether what is sent to `host` stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
