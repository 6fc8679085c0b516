"""Time of the whole pipeline on the sample shop: from nothing, and again with nothing changed.

Each run is the real command in a process of its own, with an empty home folder and free ports.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from deskloop.errors import BadInput
from deskloop.settings import Settings

Timing = dict[str, Any]


def run(settings: Settings, runs: int = 3, effort: str | None = None) -> dict[str, Any]:
    """Medians over `runs`, in seconds. `overhead_share` is the cold flow's time in which no stage's body ran."""
    taken = [_once(settings, effort) for _ in range(runs)]

    def middle(name: str) -> float:
        return round(median(t[name] for t in taken), 3)

    names = ("boot_seconds", "cold_seconds", "warm_seconds", "cpu_seconds", "overhead_share", "peak_memory_mb")
    stages = {stage: round(median(t["stages"][stage] for t in taken), 2) for stage in taken[0]["stages"]}
    return {name: middle(name) for name in names} | {"runs": runs, "cores": _cores(), "stages": stages}


def _once(settings: Settings, effort: str | None) -> Timing:
    with tempfile.TemporaryDirectory(prefix="deskloop-bench-") as folder:
        timings = Path(folder) / "timings.jsonl"
        port = free_port()  # the configuration names it, so both runs need the same
        cold = _demo(Path(folder), settings, effort, timings, port)
        warm = _demo(Path(folder), settings, effort, Path(folder) / "again.jsonl", port)
        bodies = [json.loads(line) for line in timings.read_text().splitlines()]
        return {
            "boot_seconds": cold["boot_seconds"],
            "cold_seconds": cold["seconds"],
            "warm_seconds": warm["seconds"],
            "cpu_seconds": cold["cpu"],
            "peak_memory_mb": cold["peak_memory_mb"],
            "overhead_share": 1 - busy(bodies) / cold["flow_seconds"],
            "stages": _summed(bodies),
        }


def _demo(home: Path, settings: Settings, effort: str | None, timings: Path, site_port: int) -> Timing:
    """One `deskloop demo --once`, timed from outside."""
    environment = {
        **os.environ,
        "DESKLOOP_HOME": str(home),
        "DESKLOOP_MODELS": str(settings.models_dir.resolve()),
        "DESKLOOP_PREFECT_PORT": str(free_port()),
        "DESKLOOP_SITE_PORT": str(site_port),
        "DESKLOOP_TIMINGS": str(timings),
    }
    command = [sys.executable, "-m", "deskloop.cli", "demo", "--once", "--json"]
    before, began = _cpu(), time.perf_counter()
    with (home / "bench.out").open("w+") as out, (home / "bench.err").open("w+") as err:
        child = subprocess.Popen(
            command + (["--effort", effort] if effort else []), env=environment, stdout=out, stderr=err
        )
        peak = peak_memory(child)
        seconds = time.perf_counter() - began
        said = [Path(stream.name).read_text().strip().splitlines() for stream in (out, err)]
    if child.returncode:
        raise BadInput(f"the demo ended with {child.returncode}: {said[1][-1]}")
    return json.loads(said[0][-1]) | {"seconds": seconds, "cpu": _cpu() - before, "peak_memory_mb": peak / 2**20}


def peak_memory(child: subprocess.Popen[bytes]) -> int:
    """Wait for a command to end. Returns the most bytes that it and all its children held at one time.

    Shared pages count once where the system tells proportional sizes (Linux), else once for each process.
    """
    import psutil

    peak = 0
    root = psutil.Process(child.pid)
    while child.poll() is None:
        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    held = process.memory_full_info()
                    total += getattr(held, "pss", held.rss)
        peak = max(peak, total)
        time.sleep(0.5)
    return peak


def busy(bodies: Sequence[Timing]) -> float:
    """Seconds in which at least one body ran: what runs side by side counts once."""
    total, end = 0.0, 0.0
    for body in sorted(bodies, key=lambda b: b["began"]):
        total += max(0.0, body["ended"] - max(body["began"], end))
        end = max(end, body["ended"])
    return total


def _summed(bodies: Sequence[Timing]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for body in bodies:
        sums[body["stage"]] = sums.get(body["stage"], 0.0) + body["ended"] - body["began"]
    return sums


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_port() -> int:
    """A TCP port of this host that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
