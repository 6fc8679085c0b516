"""Streams that wait at the same time are decoded together.

A worker takes what waits, up to a batch, and runs it to its end; one alone starts at once. Decoding eight
answers together takes little longer than one, since weights are read from memory once for all.
Knows nothing about models: it is given the function that decodes a batch.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

TOGETHER = 8


@dataclass
class Request:
    """One prompt that waits for its tokens."""

    prompt: list[str]
    max_tokens: int
    cancelled: bool = False
    given: int = 0
    _made: queue.SimpleQueue[int | BaseException | None] = field(default_factory=queue.SimpleQueue)

    def give(self, token: int, last: bool) -> bool:
        """Pass a token on. Returns True if no more is wanted."""
        self.given += 1
        done = last or self.cancelled or self.given >= self.max_tokens
        self._made.put(token)
        if done:
            self.finish()
        return done

    def finish(self, error: BaseException | None = None) -> None:
        """No more tokens will come."""
        self._made.put(error)

    def cancel(self) -> None:
        """Whoever waited has left."""
        self.cancelled = True

    def tokens(self) -> Iterator[int]:
        """Token ids as they are made; raises what the decoding raised."""
        while (made := self._made.get()) is not None:
            if isinstance(made, BaseException):
                raise made
            yield made


class Batcher:
    """Worker threads, started with the first request, that decode what waits together."""

    def __init__(self, decode: Callable[[list[Request]], None], workers: int) -> None:
        self._decode, self._workers = decode, workers
        self._waiting: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def submit(self, prompt: list[str], max_tokens: int) -> Request:
        """Queue a prompt; its tokens come from the request."""
        with self._lock:
            while len(self._threads) < self._workers:
                self._threads.append(threading.Thread(target=self._work, daemon=True, name="decode"))
                self._threads[-1].start()
        request = Request(prompt, max_tokens)
        self._waiting.put(request)
        return request

    def close(self) -> None:
        """Let the workers end after what waits now."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, last = self._more([first])
            batch = [request for request in batch if not request.cancelled]
            try:
                if batch:
                    self._decode(batch)
                error: BaseException | None = None
            except Exception as raised:  # every waiting thread must hear of it
                error = raised
            for request in batch:
                request.finish(error)
            if last:
                return

    def _more(self, batch: list[Request]) -> tuple[list[Request], bool]:
        """Add what waits already; True if the end was among it."""
        while len(batch) < TOGETHER:
            try:
                request = self._waiting.get_nowait()
            except queue.Empty:
                break
            if request is None:
                return batch, True
            batch.append(request)
        return batch, False
