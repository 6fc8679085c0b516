"""A million messages end to end, acquisition and preprocessing without a name model, in bounded memory.

Each size is one run of the real command, `deskloop prepare`, with a Prefect server of its own; what its start takes
is not counted. The messages are made: words of a shop's vocabulary, with amounts, order numbers and addresses; their
lengths follow `LENGTHS`, every twentieth of the lengths in cucom_ecommerce (nothing else is taken from there).
Peak memory is that of the whole process tree, the server's with it, sampled.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deskloop import sheet
from deskloop.bench.pipeline import free_port, peak_memory
from deskloop.errors import BadInput

LENGTHS = (12, 54, 68, 78, 87, 95, 102, 110, 120, 130, 142, 156, 172, 187, 203, 218, 235, 253, 278, 315, 455)
_ASKS = (
    "where when how why can could please tell me my your is are was did do i we they need want about with for the a "
    "to in on and but because since after before"
).split()


def run(
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000),
    workers: int = 2,
    scheduler: str | None = None,
    plot: Path | None = None,
    runs: int = 1,
    seed: int = 5,
) -> dict[str, Any]:
    """Messages per second and peak megabytes by size, of the run with the median time of `runs`.

    With `scheduler` on the workers of that Dask cluster, whose memory is not in the figure.
    """
    found = [_middle([_once(size, workers, scheduler, seed) for _ in range(runs)]) for size in sizes]
    if plot:
        _draw(found, plot)
    last = found[-1]
    share = last["messages_per_second"] / found[0]["messages_per_second"]
    return {**last, "speed_against_smallest": round(share, 2), "sizes": found, "plot": str(plot) if plot else None}


def _middle(taken: list[dict[str, Any]]) -> dict[str, Any]:
    ordered = sorted(taken, key=lambda t: t["seconds"])
    return {**ordered[len(ordered) // 2], "all_seconds": [t["seconds"] for t in ordered]}


def write(path: Path, rows: int, seed: int) -> float:
    """Write `rows` messages as JSON lines. Returns the share of distinct ones, by a 64-bit hash."""
    seen: set[int] = set()
    with path.open("w") as stream:
        for number, text in enumerate(_texts(rows, seed)):
            seen.add(hash(text.lower()))
            day = f"{2023 + number % 3}-{1 + number % 12:02d}-{1 + number % 28:02d}"
            row = {"id": f"m{number}", "text": text, "at": day, "customer": f"p{number // 3}"}
            stream.write(json.dumps(row) + "\n")
    return len(seen) / rows


def _texts(rows: int, seed: int) -> Iterator[str]:
    chance = random.Random(seed)  # noqa: S311
    nouns = ["".join(chance.choices("bcdfglmnprst", k=1) + chance.choices("aeiou", k=1)) * 2 + chance.choice("nrstk")
             for _ in range(4000)]  # fmt: skip
    nouns = [n[: chance.randint(3, 5)] + chance.choice("aeiou") + chance.choice("lmnrst") for n in nouns]
    recent: list[str] = []
    for number in range(rows):
        if recent and number % 20 == 0:
            yield recent[number % len(recent)]
            continue
        at = chance.randrange(len(LENGTHS) - 1)
        wanted = chance.randint(LENGTHS[at], LENGTHS[at + 1])
        text = _sentence(chance, nouns, wanted)
        recent = [*recent[-50:], text]
        yield text


def _sentence(chance: random.Random, nouns: list[str], wanted: int) -> str:
    count = max(3, wanted // 5)
    said = [
        w for pair in zip(chance.choices(_ASKS, k=count), chance.choices(nouns, k=count), strict=True) for w in pair
    ]
    text = " ".join(said)[: max(wanted, 12)]
    dice = chance.random()
    if dice < 0.15:
        text += f" order 50{chance.randrange(10)}-{chance.randrange(10**7):07d}-{chance.randrange(10**7):07d}"
    elif dice < 0.25:
        text += f", {chance.randrange(1, 400)} euros"
    elif dice < 0.30:
        text += f" mail {chance.choice(nouns)}{chance.randrange(99)}@example.com"
    elif dice < 0.32:
        text += " café"
    return text.capitalize() + chance.choice(".?!")


def _once(size: int, workers: int, scheduler: str | None, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="deskloop-bench-") as name:
        folder = Path(name)
        distinct = write(folder / "messages.jsonl", size, seed)
        where = {"runner": "dask", "scheduler": scheduler} if scheduler else {"runner": "auto", "workers": workers}
        source = {"kind": "files", "name": "made", "path": "messages.jsonl", "content": "messages"}
        config = {"home": "home", "prefect_port": free_port(), "sources": [source], "compute": where}
        (folder / "deskloop.yaml").write_text(json.dumps(config))
        timings = folder / "timings.jsonl"
        counts, peak = _run(folder, timings)
        bodies = [json.loads(line) for line in timings.read_text().splitlines()]
    began, ended = min(b["began"] for b in bodies), max(b["ended"] for b in bodies)
    spans = {
        stage: (min(b["began"] for b in bodies if b["stage"] == stage),
                max(b["ended"] for b in bodies if b["stage"] == stage))
        for stage in sorted({b["stage"] for b in bodies})  # a cluster's workers write no timings here
    }  # fmt: skip
    return {
        "messages": size,
        "distinct": round(distinct, 3),
        "seconds": round(ended - began, 1),
        "messages_per_second": round(size / (ended - began)),
        "peak_megabytes": round(peak / 1e6),
        "stage_seconds": {stage: round(end - start, 1) for stage, (start, end) in spans.items()},
        "accepted": counts["accepted"],
        "quarantined": counts["quarantined"],
        "splits": counts["splits"],
        "reasons": counts["reasons"],
        "messages_digest": counts["tables"]["messages"],
    }


def _run(folder: Path, timings: Path) -> tuple[dict[str, Any], int]:
    """One `deskloop prepare`. Returns its counts and the peak memory in bytes."""
    command = [sys.executable, "-m", "deskloop.cli", "prepare", "--config", "deskloop.yaml", "--json"]
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        environment = {**os.environ, "DESKLOOP_TIMINGS": str(timings)}
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)
        peak = peak_memory(child)
    if child.returncode:
        raise BadInput(f"deskloop prepare ended with {child.returncode}: {(folder / 'err').read_text()[-500:]}")
    return json.loads((folder / "out").read_text()), peak


def _draw(found: list[dict[str, Any]], plot: Path) -> None:
    figure = sheet.figure(8, 3.4)
    left, right = figure.subplots(1, 2)
    sizes = [f["messages"] for f in found]
    left.plot(sizes, [f["seconds"] for f in found], marker="o", color="#2f6f4f")
    left.set(xscale="log", yscale="log", xlabel="messages", ylabel="seconds", title="Time")
    right.plot(sizes, [f["peak_megabytes"] for f in found], marker="o", color="#b5532a")
    right.set(xscale="log", ylim=(0, None), xlabel="messages", ylabel="MB, whole process tree", title="Peak memory")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(plot)
