"""Puts the sample shop's raw sources where a pipeline can read them, and publishes what comes later.

The site says its addresses in sitemap and robots.txt; a copy served elsewhere gets its own there, as when a
shop moves. The pages keep their canonical addresses.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from deskloop.demo.faq import BASE
from deskloop.store import write_atomic

RAW = Path(__file__).parent / "raw"
_ADDRESSED = ("sitemap.xml", "robots.txt")
_LOC = re.compile(r"<loc>([^<]+)</loc><lastmod>([^<]+)</lastmod>")


def copy_raw(folder: Path, origin: str) -> None:
    """Copy mail, chats, shop database and site into `folder`. `origin` is where the site will be served."""
    for name in ("support.mbox", "chats.json", "shop.sqlite"):
        write_atomic(folder / name, (RAW / name).read_bytes())
    _publish(RAW / "site", folder / "site", origin)


def publish_after(site: Path) -> list[str]:
    """Publish the pages of the after period on a copied site. Returns their names."""
    found = re.search(r"Sitemap: (\S+)/sitemap\.xml", (site / "robots.txt").read_text("utf-8"))
    _publish(RAW / "site-after", site, found[1] if found else BASE)
    return sorted(path.name for path in (RAW / "site-after").glob("*.html") if path.name != "index.html")


def _publish(source: Path, target: Path, origin: str) -> None:
    changed = _changed(source)
    for path in sorted(source.iterdir()):
        data = path.read_bytes()
        if path.name in _ADDRESSED:
            data = data.replace(BASE.encode(), origin.rstrip("/").encode())
        write_atomic(target / path.name, data)
        when = changed.get(path.name, min(changed.values()))
        os.utime(target / path.name, (when, when))


def _changed(site: Path) -> dict[str, float]:
    """When each page was last changed, seconds since 1970, as its sitemap says."""
    rows = _LOC.findall((site / "sitemap.xml").read_text("utf-8"))
    return {
        address.rsplit("/", 1)[1] or "index.html": datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
        for address, day in rows
    }
