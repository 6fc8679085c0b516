"""Blocking work beside the event loop: a few threads and a bounded queue that refuses when it is full."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_END: Any = object()


class Workers:
    """`threads` jobs run at a time and `waiting` more may wait."""

    def __init__(self, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="answer")
        self._places = threading.BoundedSemaphore(threads + waiting)

    def start(self, work: Callable[[], Iterator[T]]) -> Running[T] | None:
        """Run an iterator to its end in a thread; None if every place is taken. Call from the event loop.

        The work goes on when nobody listens any more: what was answered is still recorded.
        """
        if not self._places.acquire(blocking=False):
            return None
        running: Running[T] = Running(asyncio.get_running_loop())
        self._pool.submit(self._run, work, running)
        return running

    def close(self) -> None:
        """Wait for what runs; drop nothing that was taken on."""
        self._pool.shutdown(wait=True)

    def _run(self, work: Callable[[], Iterator[T]], running: Running[T]) -> None:
        try:
            for item in work():
                running.send(item)
        except Exception as error:
            running.send(error)
        finally:
            self._places.release()
            running.send(_END)


class Running(Generic[T]):
    """The items of one job, as they come."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    def send(self, item: Any) -> None:
        """Hand an item over to the event loop, from the job's thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)

    async def __aiter__(self) -> AsyncIterator[T]:
        while (item := await self._queue.get()) is not _END:
            if isinstance(item, Exception):
                raise item
            yield item
