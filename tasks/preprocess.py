"""Preprocessing: raw batches become clean, split, contracted tables; the rest is set aside with a reason.

Partitions are cleaned side by side, wherever the flow's task runner runs them; what needs all rows is one task.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from deskloop.records import Dataset, Receipt
from deskloop.settings import Settings
from deskloop.store import Store, raw_store
from tasks import report
from tasks.cache import stage


@stage("knowledge", reads=("preprocess", "sources"))
def gather(batches: list[Receipt], settings: Settings) -> Receipt:
    """The knowledge of all batches, each entry once: what partitions are cleaned with."""
    from deskloop.entries import Known
    from deskloop.sources.batch import saved

    raw = raw_store(settings)
    known = Known.of((e for batch in batches for e in saved(raw.path(batch), "knowledge")), settings)
    return Store(settings.store_root).put_dir("known", known.save)


@stage("clean", reads=("preprocess", "shop"))
def clean(part: list[Receipt], known: Receipt, settings: Settings) -> Receipt:
    """Clean, normalise and redact one partition."""
    from deskloop.entries import Known
    from deskloop.partitions import clean_part
    from deskloop.sources.batch import Batch

    store, raw = Store(settings.store_root), raw_store(settings)
    batches = (Batch.load(raw.path(batch)) for batch in part)
    shared = Known.load(store.path(known))
    return store.put_dir("clean", lambda folder: clean_part(batches, shared, settings, folder))


@stage("preprocess", reads=("preprocess", "shop", "model"))
def preprocess(parts: list[Receipt], known: Receipt, settings: Settings) -> Dataset:
    """Deduplicate, split and check over all partitions. Every row is accepted or quarantined."""
    import pandas as pd

    from deskloop import datacard, frames
    from deskloop.entries import Known
    from deskloop.partitions import collect

    store = Store(settings.store_root)
    with tempfile.TemporaryDirectory(prefix="deskloop-") as name:
        folder = Path(name)
        counts = collect([store.path(p) for p in parts], Known.load(store.path(known)), settings, folder)
        messages = pd.read_parquet(folder / "messages.parquet", columns=list(datacard.COLUMNS))
        shown = counts, messages, pd.read_parquet(folder / "quarantine.parquet")
        card = store.put_dir("data-card", lambda target: datacard.save(target, *shown))
        report.data_card(*shown, store.path(card) / datacard.PAGE)
        tables = {name: _kept(store, name, folder) for name in frames.schemas()}
    return Dataset(**tables, card=card)


def _kept(store: Store, name: str, folder: Path) -> Receipt:
    from deskloop.frames import rows

    path = folder / f"{name}.parquet"
    return store.put_file(name, path, rows(path))
