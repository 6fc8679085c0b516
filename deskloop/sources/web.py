"""A polite HTTP reader for crawls: robots.txt, a rate, size limits, and no way into private networks.

Knows nothing about FAQs. What may pass is tried again here, and then raises TransientError.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import httpcore
import httpx
from protego import Protego

from deskloop.errors import BadInput, TransientError
from deskloop.sources.address import joined
from deskloop.sources.retry import patient, retry_after

AGENT = "deskloop"
_HEADERS = {
    "User-Agent": f"{AGENT} (support knowledge reader)",
    "Accept": "text/html,application/xml;q=0.9,*/*;q=0.1",
}
_TIMEOUT = httpx.Timeout(20.0, connect=10.0)
_MOST_BYTES = 3_000_000
_MOST_REDIRECTS = 5
_SLOWEST = 10.0
_LONGEST_PAGE = 60.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


@dataclass(frozen=True)
class Page:
    """An answer of the site. `url` is where redirects led; `etag` and `modified` are what a later ask can name."""

    url: str
    status: int
    kind: str
    body: bytes
    charset: str | None = None
    too_large: bool = False
    etag: str = ""
    modified: str = ""


class Reader:
    """Reads pages of one site (scheme, host and port of the first URL)."""

    def __init__(self, name: str, url: str, *, rate: float, allow_private: bool) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"source {name}: url must begin with http:// or https://, got {url!r}")
        self.name, self._start = name, url
        self.site = (parts.scheme, parts.netloc.lower())
        self.pause = 1.0 / rate
        self._last = 0.0
        transport = httpx.HTTPTransport()
        transport._pool = guarded_pool(parts.hostname if allow_private else None)
        # A proxy from the environment would make the connection in our place, unchecked.
        self._client = httpx.Client(transport=transport, timeout=_TIMEOUT, headers=_HEADERS, trust_env=False)
        self._robots: Protego | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def robots(self) -> Protego:
        """The site's rules (RFC 9309). Slows this reader down if they ask for it."""
        if self._robots is None:
            page = self.get(urlunsplit((*self.site, "/robots.txt", "", "")))
            self._robots = Protego.parse(page.body.decode("utf-8", "replace") if page.status == 200 else "")
            delay = self._robots.crawl_delay(AGENT)
            if delay:
                self.pause = max(self.pause, min(float(delay), _SLOWEST))
        return self._robots

    def allowed(self, url: str) -> bool:
        """Whether robots.txt lets us read `url`."""
        return bool(self.robots().can_fetch(url, AGENT))

    def same_site(self, url: str) -> bool:
        """Whether `url` is on this reader's site."""
        parts = urlsplit(url)
        return (parts.scheme, parts.netloc.lower()) == self.site

    def get(self, url: str, known: tuple[str, str, str] = ("", "", "")) -> Page:
        """Fetch `url`, following redirects within the site. Raises TransientError for what may pass.

        `known` is (address, etag, modified) of an earlier answer: if that still holds, the status is 304.
        """
        for _ in range(_MOST_REDIRECTS):
            hop, conditions = url, _conditions(*known[1:]) if url == known[0] else {}
            page, target = patient(lambda: self._once(hop, conditions))  # noqa: B023 (called before the next round)
            if target is None:
                return page
            target = joined(url, target)
            if not self.same_site(target):
                return Page(target, 310, "", b"")
            url = target
        return Page(url, 310, "", b"")

    def _once(self, url: str, conditions: dict[str, str]) -> tuple[Page, str | None]:
        time.sleep(max(0.0, self._last + self.pause - time.monotonic()))
        self._last = time.monotonic()
        try:
            with self._client.stream("GET", url, headers=conditions) as response:
                if response.status_code in _PASSING:
                    wait = retry_after(response.headers.get("retry-after"))
                    raise TransientError(f"source {self.name}: {url} answered {response.status_code}", wait)
                if response.has_redirect_location:
                    return Page(url, response.status_code, "", b""), response.headers["location"]
                return _page(url, response), None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
            if url != self._start:  # one odd link of a page
                return Page(url, 400, "", b""), None
            raise BadInput(f"source {self.name}: {url} cannot be read: {error}") from None
        except httpx.DecodingError:
            return Page(url, 598, "", b""), None
        except (httpx.TransportError, httpcore.NetworkError, httpcore.TimeoutException, socket.gaierror) as error:
            raise TransientError(
                f"source {self.name}: {url} is not reachable: {str(error)[:120] or type(error).__name__}"
            ) from None


def _conditions(etag: str, modified: str) -> dict[str, str]:
    """Ask for the page only if it changed; the entity tag decides where there is one (RFC 9110, 13.1.3)."""
    return {"If-None-Match": etag} if etag else {"If-Modified-Since": modified} if modified else {}


def _page(url: str, response: httpx.Response) -> Page:
    body = bytearray()
    too_large = False
    until = time.monotonic() + _LONGEST_PAGE
    for piece in response.iter_bytes(65_536):
        body += piece
        if too_large := len(body) > _MOST_BYTES or time.monotonic() > until:
            break
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    return Page(
        url, response.status_code, kind, bytes(body), response.charset_encoding, too_large,
        response.headers.get("etag", ""), _modified(response),
    )  # fmt: skip


def _modified(response: httpx.Response) -> str:
    """Last-Modified if it can be believed: a page may change twice within its second (RFC 9110, 8.8.2.2)."""
    given = response.headers.get("last-modified", "")
    try:
        age = parsedate_to_datetime(response.headers.get("date", "")) - parsedate_to_datetime(given)
    except (ValueError, TypeError):
        return ""
    return given if age.total_seconds() >= 2 else ""


class _Guarded(httpcore.SyncBackend):
    """Connects to the very address that was checked, so that DNS cannot answer differently the second time."""

    def __init__(self, private_host: str | None) -> None:
        super().__init__()
        self._private_host = private_host

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        private = self._private_host is not None and host.lower() == self._private_host.lower()
        *others, last = checked_addresses(host, port, private)
        for address in others:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return super().connect_tcp(address, port, *args, **kwargs)
        return super().connect_tcp(last, port, *args, **kwargs)


def guarded_pool(private_host: str | None) -> httpcore.ConnectionPool:
    """Connections to public addresses alone, but for the one host that is allowed by name."""
    return httpcore.ConnectionPool(network_backend=_Guarded(private_host))


def checked_addresses(host: str, port: int, allow_private: bool) -> list[str]:
    """The addresses of `host` to connect to. Raises BadInput if any is private and that is not allowed."""
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    private = next((address for address in found if not _is_public(address)), None)
    if private and not allow_private:
        raise BadInput(
            f"{host} is the private address {private}; set `allow_private: true` on the source if you mean it"
        )
    return list(dict.fromkeys(found))


def _is_public(address: str) -> bool:
    """Whether an address, and the IPv4 address that an IPv6 one may carry inside, can be reached by everybody."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    carried = [getattr(ip, "ipv4_mapped", None), getattr(ip, "sixtofour", None)]
    if ip.version == 6 and ip in _NAT64:
        carried.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return all(found.is_global and not found.is_multicast for found in (ip, *carried) if found is not None)
