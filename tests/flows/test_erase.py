"""A person who asks to be erased leaves store, models, index and traffic, and does not come back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from deskloop.cli import app
from deskloop.database import connect
from deskloop.erasure import told
from deskloop.records import Answer
from deskloop.releases import Releases
from deskloop.settings import Settings
from deskloop.sources.batch import Batch
from deskloop.sources.identity import customer_hash
from deskloop.store import Store, raw_store
from deskloop.traffic import Traffic

ANN = "ann0@mail.example"


def erase(project: Path, *arguments: str) -> dict[str, Any]:
    command = ["erase", "--config", str(project / "deskloop.yaml"), "--customer", "Ann0@mail.example", *arguments]
    result = CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "ann0" not in result.output.lower()
    return json.loads(result.stdout)


def customers(settings: Settings) -> set[str | None]:
    """Of every batch and every table in the store."""
    found: set[str | None] = set()
    for path in (*Store(settings.store_root).objects().values(), *raw_store(settings).objects().values()):
        if (path / "conversations.jsonl").is_file():
            found |= {c.customer for c in Batch.load(path).conversations}
        elif path.is_file() and path.read_bytes()[:4] == b"PAR1":
            import pandas as pd

            frame = pd.read_parquet(path)
            found |= set(frame["customer"]) if "customer" in frame else set()
    return found


def test_an_erased_customer_leaves_everything_and_does_not_come_back(
    train: Callable[..., Any], tiny_project: Path, settings: Settings, releases: Releases
) -> None:
    with sqlite3.connect(tiny_project / "shop.sqlite") as db:
        db.execute("UPDATE tickets SET text = text || ' Write to ' || ? WHERE id = 't010'", [ANN])
    db.close()
    assert train().outcome.version == 1
    traffic = Traffic(connect(settings.database))
    answer = Answer(text="Yes", kind="generate")
    for conversation, text in (("theirs", f"I am {ANN}"), ("other", "hello there")):
        message, _ = traffic.record(conversation, text, answer, "Yes", channel="web", version=1)
        traffic.thumb(message, 1)
    hashed = customer_hash(ANN, settings)
    assert hashed in customers(settings)

    dry = erase(tiny_project)
    assert not dry["erased"] and (dry["batches"]["rows"], dry["traffic"], dry["retired"]) == (2, 1, [1])
    assert dry["raw"] == {"tickets": 1} and "Dry run: nothing was removed" in told(dry)
    assert hashed in customers(settings) and traffic.counts()["conversations"] == 2

    done = erase(tiny_project, "--yes")
    assert done["erased"] and done["customer"] == hashed and done["datasets"]["rows"] >= 1 and done["derived"] > 5
    assert done["rebuild"] == 1 and [o["source"] for o in done["originals"]] == ["tickets", "mail"]
    assert hashed not in customers(settings)
    left = [path.read_bytes() for path in settings.home.rglob("*") if path.is_file()]
    assert not [data for data in left if ANN.encode() in data.lower()]
    assert traffic.counts()["conversations"] == 1 and traffic.counts()["thumbs_up"] == 1
    assert releases.get(1).retired and releases.champion().version == 1  # it answers until it is replaced

    again = train(reason="without them").outcome
    assert again.promoted and releases.champion().version == again.version == 2
    assert hashed not in customers(settings)
    reasons = [q.reason for path in raw_store(settings).objects().values() for q in Batch.load(path).quarantined]
    assert reasons.count("erased") == 2

    rest = erase(tiny_project, "--yes")  # the old champion's bundle, which could not go before
    assert rest["retired"] == [1] and rest["rebuild"] is None and not releases.get(1).path.exists()
    assert rest["batches"]["rows"] == 0 and releases.champion().path.exists()
