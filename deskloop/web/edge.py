"""What every request passes: a size limit, security headers and the request meters. Plain ASGI, so that a
stream flows through it untouched."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskloop.web.failures import unexpected
from deskloop.web.meters import Meters

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors "
)
HEADERS = {
    "Content-Security-Policy": f"{_POLICY}'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def framed_by(origins: Sequence[str]) -> dict[str, str]:
    """Headers of a page that `origins` may show in a frame; who reads this policy ignores X-Frame-Options."""
    return {"Content-Security-Policy": _POLICY + (" ".join(origins) or "'none'")}


class Edge:
    """Wraps the app. `limit` is the largest body in bytes."""

    def __init__(self, app: ASGIApp, meters: Meters, limit: int) -> None:
        self.app, self.meters, self.limit = app, meters, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        seen: dict[str, Any] = {"status": 500, "began": False}
        dressed = self._dressed(send, scope, seen)
        try:
            await self.app(scope, self._limited(receive), dressed)
        except Exception as error:
            answer = unexpected(error)
            if not seen["began"]:
                await answer(scope, receive, dressed)
        finally:
            route = getattr(scope.get("route"), "path", None) or "other"
            self.meters.requests.labels(scope["method"], route, str(seen["status"])).inc()
            self.meters.latency.labels(route).observe(time.perf_counter() - began)

    def _limited(self, receive: Receive) -> Receive:
        total = 0

        async def counted() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > self.limit:
                raise HTTPException(413, f"the request is larger than {self.limit} bytes")
            return message

        return counted

    def _dressed(self, send: Send, scope: Scope, seen: dict[str, Any]) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.update(status=message["status"], began=True)
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault(
                    "Cache-Control", "no-cache" if scope["path"].startswith("/static/") else "no-store"
                )
            await send(message)

        return dressed
