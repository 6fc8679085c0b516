"""When a stage's result may be used again, and when a failure is worth another try."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from prefect.tasks import exponential_backoff
from prefect.utilities.hashing import hash_objects

import deskloop
from deskloop import memory
from deskloop.errors import TransientError
from deskloop.settings import Settings
from deskloop.store import Store, raw_store

# before a stage's second try; doubled before the third, and again
RETRY_SECONDS = float(os.environ.get("DESKLOOP_RETRY_SECONDS", "2"))
NOT_PART_OF_A_RESULT = ("settings", "reason")

_PARSING = threading.Lock()  # CPython 3.11's parser loses count of its depth when several threads use it

P = ParamSpec("P")
R = TypeVar("R")


def worth_a_retry(task: Any, run: Any, state: Any) -> bool:
    """Retry what may pass (a dropped connection, a 503), never what a person has to mend."""
    try:
        state.result()
    except (TransientError, ConnectionError, TimeoutError):
        return True
    except Exception:
        return False
    return False


@dataclass
class Stage(CachePolicy):
    """The key of a stage: a hit needs everything that could change its result to be the same.

    Invalidated by: another digest in a receipt (or any other input); a change in one of the settings it
    `reads`; an edit of its own module or of any `deskloop` module that it reaches by imports; a new store.
    """

    reads: tuple[str, ...] = ()

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **_: Any
    ) -> str:
        """Hash of inputs, settings read, code reached and the store's identity."""
        settings: Settings = inputs["settings"]
        others = {name: value for name, value in inputs.items() if name not in NOT_PART_OF_A_RESULT}
        read = {name: settings.model_dump(mode="json", include={name}) for name in self.reads}
        code = code_digest(Path(inspect.getfile(inspect.unwrap(task_ctx.task.fn))))
        identity = Store(settings.store_root).identity
        key = hash_objects(task_ctx.task.task_key, others, read, code, identity, raise_on_failure=True)
        assert key is not None
        return key


@dataclass
class Sourced(Stage):
    """The key of an acquisition: that of a stage, and the source's content as it is now.

    Invalidated also by: an edited page, an appended mail, a new row.
    """

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **_: Any
    ) -> str:
        """Hash of the stage's key and the source's fingerprint."""
        from deskloop.sources import fingerprint

        settings: Settings = inputs["settings"]
        stage = super().compute_key(task_ctx, inputs, flow_parameters) + raw_store(settings).identity
        try:
            content = fingerprint(inputs["source"], settings)
        except Exception:  # the body meets the same failure and tells it, with retries; no result fits this key
            content = f"unreadable: {uuid.uuid4()}"
        return hashlib.sha256(f"{stage}:{content}".encode()).hexdigest()


def stage(
    name: str,
    *,
    reads: tuple[str, ...] = (),
    policy: type[Stage] = Stage,
    run_name: str | None = None,
    **options: Any,
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task that is one stage: cached by `policy`, retried with backoff and jitter where that may help.

    It has no tags: for each the engine asks the server for a concurrency limit before it even looks into the
    cache, which takes about two seconds on SQLite.
    """
    configured = task(
        name=name,
        task_run_name=run_name,
        cache_policy=policy(reads=reads),
        persist_result=True,
        result_serializer="json",
        retries=3,
        retry_delay_seconds=exponential_backoff(RETRY_SECONDS),
        retry_jitter_factor=0.5,
        retry_condition_fn=worth_a_retry,
        **options,
    )
    return lambda body: configured(timed(name, body))


def timed(name: str, body: Callable[P, R]) -> Callable[P, R]:
    """Note when the body ran in the file that DESKLOOP_TIMINGS names, one JSON line a call (Unix seconds)."""

    @wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        began = time.time()
        try:
            return body(*args, **kwargs)
        finally:
            memory.give_back()
            if target := os.environ.get("DESKLOOP_TIMINGS"):
                with Path(target).open("a") as stream:
                    stream.write(json.dumps({"stage": name, "began": began, "ended": time.time()}) + "\n")

    return run


def code_digest(path: Path) -> str:
    """Digest of a source file and of all `deskloop` modules it reaches by imports, also lazy ones."""
    digest = hashlib.sha256()
    for file in sorted(_reached(path)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _reached(path: Path) -> set[Path]:
    seen: set[Path] = set()
    queue = [path]
    while queue:
        file = queue.pop()
        if file not in seen:
            seen.add(file)
            queue.extend(_imports(file, file.stat().st_mtime_ns))
    return seen


@cache
def _imports(file: Path, mtime_ns: int) -> tuple[Path, ...]:
    names: set[str] = set()
    with _PARSING:
        tree = ast.parse(file.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    found = (_file(name) for name in names if name.partition(".")[0] == "deskloop")
    return tuple(sorted({f for f in found if f}))


def _file(name: str) -> Path | None:
    base = Path(deskloop.__file__).parent.joinpath(*name.split(".")[1:])
    module, package = base.with_suffix(".py"), base / "__init__.py"
    return module if module.is_file() else package if package.is_file() else None
