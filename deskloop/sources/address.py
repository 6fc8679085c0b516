"""Web addresses as pages give them: many are none. Knows nothing about fetching."""

from __future__ import annotations

from urllib.parse import urldefrag, urljoin, urlsplit


def joined(base: str, target: str, *, fragment: bool = False) -> str:
    """The http address that `target` means on the page `base`; empty if it means none."""
    try:
        url = urljoin(base, target.strip())
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # brackets or a port that no address has
        return ""
    return (url if fragment else urldefrag(url)[0]) if good else ""
