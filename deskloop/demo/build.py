"""Builds the sample shop's raw sources from its hand-written content: `python -m deskloop.demo.build [FOLDER]`.

Seeded: the same content gives the same rows, so that what is shipped can be made again and compared.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deskloop.demo import after, chats, mails, pages, tickets
from deskloop.demo.faq import CORES
from deskloop.demo.history import history
from deskloop.demo.project import RAW

SEED = 20250901


def build(folder: Path = RAW, seed: int = SEED) -> None:
    """Write site, site-after, mail, chats, database and the after period's script into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    desk = json.loads((CORES / "desk.json").read_text("utf-8"))
    year = history(desk, seed)
    pages.write_site(folder / "site")
    pages.write_after(folder / "site-after")
    (folder / "support.mbox").write_bytes(mails.mailbox(seed))
    _write_chats(folder / "chats.json", chats.export(year.talks, desk, seed))
    tickets.write_shop(folder / "shop.sqlite", year.tickets, list(year.customers), desk, seed)
    _write_lines(folder / "after.jsonl", after.script(seed))


def _write_chats(path: Path, rows: list[dict[str, Any]]) -> None:
    # One chat a line: readable in a diff, and still one JSON array.
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(f"[\n{lines}\n]\n", "utf-8")


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else RAW)
