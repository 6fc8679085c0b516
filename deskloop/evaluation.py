"""The pages of an evaluation: the scorecard, which travels in the bundle, and the backtest, which quotes customers.

Kept in the store beside the bundle; the release remembers where. Knows no stages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deskloop import ablation, backtest, scorepage
from deskloop.errors import BadInput
from deskloop.records import Receipt
from deskloop.releases import Release
from deskloop.settings import Settings
from deskloop.store import Store, write_atomic

KEPT = "evaluation"  # among a release's metrics: the digest of its pages
FILE = "scorecard.json"
PLOTS = "plots"


def write_scorecard(folder: Path, card: Mapping[str, Any], candidate: Path) -> None:
    """The scorecard's page and its pictures: figures and classes, nobody's words."""
    text = scorepage.page(card, ablation.load(candidate / "intents"))
    (folder / scorepage.PAGE).write_text(text, "utf-8")
    (folder / PLOTS).mkdir(exist_ok=True)
    for name, picture in scorepage.plots(card).items():
        (folder / PLOTS / name).write_bytes(picture)


def write(folder: Path, card: Mapping[str, Any], candidate: Path, settings: Settings) -> None:
    """Both pages, and the scorecard as JSON with redacted examples."""
    write_scorecard(folder, card, candidate)
    (folder / FILE).write_text(json.dumps(card), "utf-8")
    tickets = card["tables"].get("tickets", [])
    (folder / backtest.PAGE).write_text(backtest.page(tickets, settings.backtest, settings.shop.name), "utf-8")


def of(release: Release, settings: Settings) -> Path:
    """The folder with a release's pages. Raises BadInput if it was made before there were any."""
    digest = release.metrics.get(KEPT)
    if not digest:
        raise BadInput(f"version {release.version} has no evaluation page; train once more: deskloop run")
    return Store(settings.store_root).path(Receipt(kind=KEPT, sha256=str(digest), rows=1))


def figures(release: Release, settings: Settings) -> dict[str, Any]:
    """A release's scores with their intervals, its slices, and where the page is."""
    folder = of(release, settings)
    tables = json.loads((folder / FILE).read_bytes())["tables"]
    found = {name: tables.get(name, []) for name in ("intervals", "slices")}
    return {"version": release.version, **found, "page": str(folder / scorepage.PAGE)}


def reckoned(release: Release, settings: Settings) -> dict[str, Any]:
    """The backtest of a release at the rates of today's configuration; its page is written anew, at `page`."""
    tickets = json.loads((of(release, settings) / FILE).read_bytes())["tables"].get("tickets", [])
    if not tickets:
        raise BadInput("there are no held-out messages to look back on; add sources with past conversations")
    path = settings.home / backtest.PAGE
    write_atomic(path, backtest.page(tickets, settings.backtest, settings.shop.name).encode())
    return {"version": release.version, **backtest.summary(tickets, settings.backtest), "page": str(path)}
