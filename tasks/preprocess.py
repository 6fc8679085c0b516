"""Preprocessing: raw batches become clean, split, contracted tables; the rest is set aside with a reason."""

from __future__ import annotations

from deskloop.records import Dataset, Receipt
from deskloop.settings import Settings
from deskloop.store import Store
from tasks import report
from tasks.cache import stage


@stage("preprocess", reads=("preprocess", "shop", "sources", "model"))
def preprocess(batches: list[Receipt], settings: Settings) -> Dataset:
    """Clean, normalise, redact, deduplicate and split. Every row is accepted or quarantined."""
    from deskloop import datacard, prepare
    from deskloop.sources.batch import Batch

    store = Store(settings.store_root)
    prepared = prepare.prepare([Batch.load(store.path(batch)) for batch in batches], settings)
    shown = prepared.counts, prepared.messages, prepared.quarantine
    card = store.put_dir("data-card", lambda folder: datacard.save(folder, *shown))
    report.data_card(*shown, store.path(card) / datacard.PAGE)
    return Dataset(
        conversations=store.put_table("conversations", prepared.conversations),
        knowledge=store.put_table("knowledge", prepared.knowledge),
        messages=store.put_table("messages", prepared.messages),
        quarantine=store.put_table("quarantine", prepared.quarantine),
        card=card,
    )
