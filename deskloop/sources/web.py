"""A polite HTTP reader for crawls: robots.txt, a rate, size limits, and no way into private networks.

Knows nothing about FAQs. Transient failures raise TransientError so that a retry can pass.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urldefrag, urljoin, urlsplit, urlunsplit

import httpcore
import httpx
from protego import Protego

from deskloop.errors import BadInput, TransientError

AGENT = "deskloop"
_HEADERS = {
    "User-Agent": f"{AGENT} (support knowledge reader)",
    "Accept": "text/html,application/xml;q=0.9,*/*;q=0.1",
}
_TIMEOUT = httpx.Timeout(20.0, connect=10.0)
_MOST_BYTES = 3_000_000
_MOST_REDIRECTS = 5
_SLOWEST = 10.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


@dataclass(frozen=True)
class Page:
    """An answer of the site. `url` is where redirects led."""

    url: str
    status: int
    kind: str
    body: bytes
    charset: str | None = None
    too_large: bool = False


class _Guarded(httpcore.SyncBackend):
    """Connects to the very address that was checked, so that DNS cannot answer differently the second time."""

    def __init__(self, allow_private: bool) -> None:
        super().__init__()
        self._allow_private = allow_private

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return super().connect_tcp(checked_address(host, port, self._allow_private), port, *args, **kwargs)


class Reader:
    """Reads pages of one site (scheme, host and port of the first URL)."""

    def __init__(self, name: str, url: str, *, rate: float, allow_private: bool) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"source {name}: url must begin with http:// or https://, got {url!r}")
        self.name = name
        self.site = (parts.scheme, parts.netloc.lower())
        self._pause = 1.0 / rate
        self._last = 0.0
        transport = httpx.HTTPTransport()
        transport._pool = httpcore.ConnectionPool(network_backend=_Guarded(allow_private))
        # A proxy from the environment would make the connection in our place, unchecked.
        self._client = httpx.Client(transport=transport, timeout=_TIMEOUT, headers=_HEADERS, trust_env=False)
        self._robots: Protego | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def robots(self) -> Protego:
        """The site's rules (RFC 9309). Slows this reader down if they ask for it."""
        if self._robots is None:
            page = self.get(urlunsplit((*self.site, "/robots.txt", "", "")))
            self._robots = Protego.parse(page.body.decode("utf-8", "replace") if page.status == 200 else "")
            delay = self._robots.crawl_delay(AGENT)
            if delay:
                self._pause = max(self._pause, min(float(delay), _SLOWEST))
        return self._robots

    def allowed(self, url: str) -> bool:
        """Whether robots.txt lets us read `url`."""
        return bool(self.robots().can_fetch(url, AGENT))

    def same_site(self, url: str) -> bool:
        """Whether `url` is on this reader's site."""
        parts = urlsplit(url)
        return (parts.scheme, parts.netloc.lower()) == self.site

    def get(self, url: str) -> Page:
        """Fetch `url`, following redirects within the site. Raises TransientError for what may pass."""
        for _ in range(_MOST_REDIRECTS):
            page, target = self._once(url)
            if target is None:
                return page
            target = urldefrag(urljoin(url, target))[0]
            if not self.same_site(target):
                return Page(url, 310, "", b"")
            url = target
        return Page(url, 310, "", b"")

    def _once(self, url: str) -> tuple[Page, str | None]:
        time.sleep(max(0.0, self._last + self._pause - time.monotonic()))
        self._last = time.monotonic()
        try:
            with self._client.stream("GET", url) as response:
                if response.status_code in _PASSING:
                    raise TransientError(f"source {self.name}: {url} answered {response.status_code}")
                if response.has_redirect_location:
                    return Page(url, response.status_code, "", b""), response.headers["location"]
                return _page(url, response), None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
            raise BadInput(f"source {self.name}: {url} cannot be read: {error}") from None
        except httpx.DecodingError:
            return Page(url, 598, "", b""), None
        except (httpx.TransportError, httpcore.NetworkError, httpcore.TimeoutException, socket.gaierror) as error:
            raise TransientError(
                f"source {self.name}: {url} is not reachable: {str(error)[:120] or type(error).__name__}"
            ) from None


def _page(url: str, response: httpx.Response) -> Page:
    body = b""
    too_large = False
    for piece in response.iter_bytes(65_536):
        body += piece
        if len(body) > _MOST_BYTES:
            too_large = True
            break
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    return Page(url, response.status_code, kind, body, response.charset_encoding, too_large)


def checked_address(host: str, port: int, allow_private: bool) -> str:
    """An address of `host` to connect to. Raises BadInput if any is private and that is not allowed."""
    addresses = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not allow_private:
        for address in addresses:
            if not _is_public(address):
                raise BadInput(
                    f"{host} is the private address {address}; set `allow_private: true` on the source if you mean it"
                )
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return (mapped or ip).is_global and ip.is_global and not ip.is_multicast
