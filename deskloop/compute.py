"""Where mapped work runs: in this process, in several of one machine, or on a Dask cluster. Same results each way.

Functions and arguments travel by pickle between our own processes; nothing of it is kept. Work has to be
repeatable: Dask does a lost worker's share again.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from deskloop.errors import BadInput

Each = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], list[Any]]
_MOST_LOST = 5  # workers lost under one piece of work before it counts as the work's fault


def here(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """One after the other, in this process."""
    return [function(*given) for given in arguments]


@contextmanager
def processes(count: int) -> Iterator[Each]:
    """`count` processes of this machine; one piece of work or one process stays here."""
    if count < 2:
        yield here
        return
    # a forked process would inherit locks that some thread holds
    with ProcessPoolExecutor(count, multiprocessing.get_context("forkserver")) as pool:

        def each(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
            if len(arguments) < 2:
                return here(function, arguments)
            return [done.result() for done in [pool.submit(function, *given) for given in arguments]]

        yield each


@contextmanager
def dask(address: str, timeout: float = 10) -> Iterator[Each]:
    """The workers of a Dask scheduler at `address`, which must see the same files. Raises BadInput, after seconds."""
    try:
        from distributed import Client
    except ImportError:
        raise BadInput("compute: dask needs the extra; pip install 'deskloop[dask]'") from None
    try:
        client = Client(address, timeout=timeout, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise BadInput(f"no Dask scheduler at {address} ({error}); start one with `dask scheduler`") from None
    with client:

        def each(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
            futures = [client.submit(function, *given, pure=False, retries=_MOST_LOST) for given in arguments]
            return list(client.gather(futures))

        yield each
