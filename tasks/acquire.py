"""Data acquisition: each source the configuration names becomes one batch of raw records."""

from __future__ import annotations

from deskloop.records import Receipt
from deskloop.settings import AnySource, Settings
from deskloop.store import Store
from tasks import report
from tasks.cache import Sourced, stage


@stage("acquire", policy=Sourced, run_name="acquire-{source.name}")
def acquire(source: AnySource, settings: Settings) -> Receipt:
    """Read one source. Rows that cannot be read are set aside with a reason."""
    from deskloop import sources

    batch = sources.read(source, settings)
    report.batch(source.name, batch)
    return Store(settings.store_root).put_dir("batch", batch.save)
