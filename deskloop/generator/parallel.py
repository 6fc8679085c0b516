"""Fine-tuning in several processes by `accelerate launch`: one on each GPU, or as many as are asked for.

Starts them, passes on how the loss goes, and brings back the report. One process fine-tunes right here. Run as
`python -m deskloop.generator.parallel SPEC` it is one of them. Knows nothing about how a model learns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deskloop.errors import BadInput
from deskloop.generator import adapters, team
from deskloop.generator.checkpoint import Curve
from deskloop.generator.finetune import Job, TrainReport, finetune
from deskloop.generator.loop import Progress
from deskloop.generator.recipe import Recipe

FOLDERS = ("base", "out", "checkpoints", "warm")
LAUNCH = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1", "--mixed_precision", "no",
          "--dynamo_backend", "no", "--main_process_port", "0")  # fmt: skip


def processes() -> int:
    """One for each GPU; one on a CPU, where all cores work on the same products already."""
    import torch

    return max(1, torch.cuda.device_count()) if adapters.device() == "cuda" else 1


def learn(job: Job, progress: Progress | None = None, count: int | None = None) -> TrainReport:
    """As `finetune`, in `count` processes (default: see `processes`). Raises as it does, and RuntimeError."""
    count = count or processes()
    if count == 1:
        return finetune(job, progress)
    with tempfile.TemporaryDirectory(prefix="deskloop-train-") as folder:
        spec = Path(folder) / "spec.json"
        spec.write_text(json.dumps(asdict(job), default=str), "utf-8")
        return _followed(_command(count, spec), progress)


def _command(count: int, spec: Path) -> list[str]:
    return [sys.executable, *LAUNCH, "--num_processes", str(count), "-m", __name__, str(spec)]


def _followed(command: Sequence[str], progress: Progress | None) -> TrainReport:
    """Run to its end; what the leading process prints are JSON lines, anything else is noise of libraries."""
    environment = os.environ | ({"ACCELERATE_USE_CPU": "1"} if adapters.device() == "cpu" else {})
    report = None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            report = _heard(running.stdout or (), progress)
        except BaseException:
            running.terminate()  # nobody listens any more
            raise
    if running.returncode or report is None:
        raise RuntimeError(
            f"fine-tuning in several processes ended with {running.returncode}; its errors stand above"
        )
    return _report(report)


def _heard(lines: Iterable[str], progress: Progress | None) -> dict[str, Any] | None:
    """Pass the curve on as it grows; the report at the end, None if there was no end."""
    curve, report = Curve(), None
    for line in lines:
        told = json.loads(line) if line.startswith("{") else {}
        if "refused" in told:
            raise BadInput(told["refused"])
        if "losses" in told:
            curve.losses += told["losses"]
            curve.checks = [(step, loss) for step, loss in told["checks"]]
            if progress:
                progress(curve, told["planned"])
        report = told.get("report", report)
    return report


def _report(told: Mapping[str, Any]) -> TrainReport:
    """Back from JSON, where tuples became lists."""
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
    return TrainReport(**values | {"checks": tuple((step, loss) for step, loss in told["checks"])})


class Teller:
    """Prints what is new of the curve after each step."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, curve: Curve, planned: int) -> None:
        """One line."""
        new, self._told = curve.losses[self._told :], len(curve.losses)
        print(json.dumps({"losses": new, "checks": curve.checks, "planned": planned}), flush=True)


def main(path: str) -> int:
    """One process of the team. Returns the exit code."""
    given = json.loads(Path(path).read_text("utf-8"))
    given |= {name: Path(given[name]) for name in FOLDERS if given[name]}
    job = Job(**given | {"recipe": Recipe(**given["recipe"])})
    ours = team.join()
    try:
        report = finetune(job, Teller() if ours.leads else None, ours)
    except BadInput as refused:
        if ours.leads:
            print(json.dumps({"refused": str(refused)}), flush=True)
        return 0
    finally:
        team.leave()
    if ours.leads:
        print(json.dumps({"report": report.as_dict()}), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
