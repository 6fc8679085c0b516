"""Data acquisition: each source the configuration names becomes batches of raw records."""

from __future__ import annotations

from deskloop.origins import AnySource
from deskloop.records import Receipt
from deskloop.settings import Settings
from deskloop.store import raw_store
from tasks import report
from tasks.cache import Sourced, stage


@stage("acquire", policy=Sourced, run_name="acquire-{source.name}")
def acquire(source: AnySource, settings: Settings) -> list[Receipt]:
    """Read one source, a partition at a time. Rows that cannot be read are set aside with a reason."""
    from deskloop import sources

    store, tally = raw_store(settings), sources.Tally()
    parts = sources.read_parts(source, settings, settings.compute.partition_rows)
    taken = [store.put_dir("batch", tally.add(batch).save) for batch in parts]
    report.batch(source.name, tally)
    return taken
