"""From raw batches to a dataset; partitions are cleaned where `compute` says."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from prefect import flow, unmapped
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from deskloop import occupied
from deskloop.errors import BadInput
from deskloop.records import Dataset, Receipt
from deskloop.requests import PrepareRequest
from deskloop.retention import REMEMBERED, forget
from deskloop.settings import NO_SOURCE, Compute, Settings
from tasks.acquire import acquire
from tasks.plain import plain_failures
from tasks.preprocess import clean, gather, preprocess

USUAL = PrepareRequest()


@flow(name="prepare", task_runner=ThreadPoolTaskRunner(max_workers=8))  # type: ignore[arg-type]
def prepare(request: PrepareRequest = USUAL) -> Dataset:
    """Acquire and preprocess, without training: for a look at the data card."""
    plain_failures()
    settings = request.settings()
    with occupied.reading(settings):
        return dataset(settings)


def dataset(settings: Settings) -> Dataset:
    """What the sources hold, clean and split."""
    if not settings.sources:
        raise BadInput(NO_SOURCE)
    days = settings.preprocess.raw_days
    forget(settings)
    # a batch is gone after so many days, and what remembers it must end before
    take = acquire.with_options(cache_expiration=timedelta(days=REMEMBERED * days)) if days else acquire
    reading = [take.submit(source, settings) for source in settings.sources]
    batches = [batch for source in reading for batch in source.result()]
    known = gather(batches, settings)
    parts = _grouped(batches, settings.compute.partition_rows)
    runner = _runner(settings.compute, len(parts))
    clean_all = cleaned.with_options(task_runner=runner) if runner else _map
    return preprocess(clean_all(parts, known, settings), known, settings)


@flow(name="clean", validate_parameters=False)
def cleaned(parts: list[list[Receipt]], known: Receipt, settings: Settings) -> list[Receipt]:
    """Clean the partitions side by side, on the task runner that this flow is given."""
    return _map(parts, known, settings)


def _map(parts: list[list[Receipt]], known: Receipt, settings: Settings) -> list[Receipt]:
    return clean.map(parts, unmapped(known), unmapped(settings)).result()


def _grouped(batches: list[Receipt], rows: int) -> list[list[Receipt]]:
    """Neighbouring small batches together, so that a partition has about `rows` rows."""
    groups: list[list[Receipt]] = []
    room = 0
    for batch in batches:
        if batch.rows > room:
            groups.append([])
            room = rows
        groups[-1].append(batch)
        room -= batch.rows
    return groups


def _runner(compute: Compute, parts: int) -> TaskRunner[Any] | None:
    """The task runner for many partitions; None for the threads that there are. Raises BadInput."""
    kind = compute.runner
    if kind == "threads" or (kind == "auto" and parts == 1):
        return None
    if kind != "dask":
        return ProcessPoolTaskRunner(max_workers=min(compute.workers or os.cpu_count() or 1, parts))
    try:
        from distributed import Client
        from prefect_dask import DaskTaskRunner
    except ImportError:
        raise BadInput("compute: dask needs the extra; pip install 'deskloop[dask]'") from None
    try:  # to say within seconds what the runner would say in a minute, and at length
        Client(compute.scheduler, timeout=5, set_as_default=False).close()
    except (OSError, TimeoutError, ValueError) as error:
        told = f"no Dask scheduler at {compute.scheduler} ({error}); start one with `dask scheduler`"
        raise BadInput(told) from None
    runner: TaskRunner[Any] = DaskTaskRunner(address=compute.scheduler)
    return runner
