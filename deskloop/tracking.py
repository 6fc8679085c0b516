"""MLflow as a mirror of runs, versions and aliases, for people and tools. Never the master of anything.

What is missing in the mirror is written at the next promotion or start-up, so a tracking server that is
down costs nothing but a late mirror.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from pathlib import Path
from typing import Any

from deskloop.releases import Release, Releases
from deskloop.settings import Settings

MODEL = "deskloop"
# files and folders of a bundle that are shown as artifacts of its run
SHOWN = ("README.md", "scorecard.html", "plots", "data-card.html", "training.json")
TRAINED = ("examples", "tokens", "supervised_tokens", "epochs", "planned", "precision", "device", "warm", "trainable")
log = logging.getLogger(__name__)


def mirror(settings: Settings, releases: Releases) -> int:
    """Write releases that the mirror lacks, and the champion alias. Returns how many were written.

    Never raises: a mirror that cannot be reached is logged and left for the next time.
    """
    if settings.tracking is None:
        return 0
    try:
        return _mirror(settings.tracking, releases)
    except Exception as error:
        log.warning("MLflow at %s was not updated (%s); the next run tries again", settings.tracking, error)
        return 0


def _mirror(uri: str, releases: Releases) -> int:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "mlflow.store.db.utils", "alembic"):  # the import sets its own levels
        logging.getLogger(name).setLevel(logging.WARNING)

    _create_aside(uri, MlflowClient)
    client = MlflowClient(uri, uri)
    experiment = client.get_experiment_by_name(MODEL)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(MODEL, _artifacts(uri))
    try:
        client.get_registered_model(MODEL)
    except MlflowException:
        client.create_registered_model(MODEL)
    known = {v.tags.get("sha256") for v in client.search_model_versions(f"name='{MODEL}'")}
    missing = [r for r in reversed(releases.all()) if r.sha256 not in known]
    before = releases.champions_before()
    for release in missing:
        _write(client, experiment_id, release, before.get(release.version))
    _aliases(client, releases)
    return len(missing)


def _artifacts(uri: str) -> str | None:
    """Beside a SQLite file; None leaves it to the server. MLflow's default is where one happens to be."""
    if not uri.startswith("sqlite:///"):
        return None
    path = Path(uri.removeprefix("sqlite:///"))
    return path.with_name(f"{path.stem}-artifacts").resolve().as_uri()


def _create_aside(uri: str, client: Any) -> None:
    """Make a new SQLite database under another name: half-made tables would break the mirror for good."""
    path = Path(uri.removeprefix("sqlite:///"))
    if not uri.startswith("sqlite:///") or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    client(f"sqlite:///{aside}", f"sqlite:///{aside}").search_experiments()
    aside.replace(path)


def _write(client: Any, experiment_id: str, release: Release, before: int | None) -> None:
    """A run with all that a bundle knows of itself, and the model version that came of it."""
    run = client.create_run(experiment_id, run_name=f"v{release.version}", tags={"sha256": release.sha256})
    training, lineage = _training(release.path), _lineage(release, before)
    _log(client, run.info.run_id, release, training)
    datasets = _datasets(lineage, release.path)
    if datasets:
        client.log_inputs(run.info.run_id, datasets)
    for name in SHOWN:
        if (release.path / name).exists():
            client.log_artifact(run.info.run_id, str(release.path / name))
    client.log_dict(run.info.run_id, release.verdict, "verdict.json")
    for name, value in lineage.items():
        client.set_tag(run.info.run_id, name, value)
    client.set_terminated(run.info.run_id)
    tags = {"sha256": release.sha256, "deskloop_version": str(release.version), **lineage}
    client.create_model_version(MODEL, source=release.path.as_uri(), run_id=run.info.run_id, tags=tags)


def _log(client: Any, run_id: str, release: Release, training: dict[str, Any]) -> None:
    """Scores, the loss over the steps (which MLflow draws), and parameters."""
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    scores = {n: v for n, v in release.metrics.items() if isinstance(v, float) and math.isfinite(v)}
    metrics = [Metric(name, value, now, 0) for name, value in scores.items()]
    steps = zip(training.get("steps", ()), training.get("losses", ()), strict=True)
    metrics += [Metric("train_loss", loss, now, step) for step, loss in steps]
    metrics += [Metric("validation_loss", loss, now, step) for step, loss in training.get("checks", ())]
    for start in range(0, len(metrics), 1000):  # MLflow takes no more at once
        client.log_batch(run_id, metrics=metrics[start : start + 1000])
    told = {"reason": release.reason, "verdict": release.verdict.get("summary", ""), **_parameters(release, training)}
    client.log_batch(run_id, params=[Param(name, str(value)[:500]) for name, value in told.items()])


def _parameters(release: Release, training: dict[str, Any]) -> dict[str, Any]:
    """How it was trained, and how it decides to answer."""
    thresholds = _json(release.path / "thresholds.json")
    recipe = {f"recipe.{name}": value for name, value in training.get("recipe", {}).items()}
    trained = {name: training[name] for name in TRAINED if name in training}
    decides = (
        {"policy": thresholds["policy"], "threshold": thresholds["confidence"]["threshold"]} if thresholds else {}
    )
    return trained | recipe | decides


def _lineage(release: Release, before: int | None) -> dict[str, str]:
    """Digests of what it was made of, the base model, and the champion of its time."""
    files = _json(release.path / "manifest.json").get("files", {})
    origin = _json(release.path / "generator" / "origin.json")
    learnt = release.path / "learnt-from"
    found = {
        "candidate": release.metrics.get("candidate"),
        "messages": learnt.read_text("utf-8") if learnt.is_file() else None,
        "knowledge": files.get("index/entries.json"),
        "base_model": origin.get("name"),
        "base_model_sha256": origin.get("sha256"),
        "champion_before": before,
    }
    return {name: str(value) for name, value in found.items() if value is not None}


def _datasets(lineage: dict[str, str], source: Path) -> list[Any]:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    tags = [InputTag("mlflow.data.context", "training")]
    return [
        DatasetInput(
            Dataset(name, lineage[name][:36], "local", source.as_uri()), tags
        )  # a digest has 36 letters at most
        for name in ("messages", "knowledge")
        if name in lineage
    ]


def _training(bundle: Path) -> dict[str, Any]:
    return _json(bundle / "training.json")


def _json(path: Path) -> dict[str, Any]:
    """Content of a bundle's file; empty where there is none, as in a bundle that was erased."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found


def _aliases(client: Any, releases: Releases) -> None:
    """`champion` is the one that answers, `challenger` the latest version after it that is not retired."""
    champion, latest = releases.champion(), next((r for r in releases.all() if not r.retired), None)
    later = latest is not None and (champion is None or latest.version > champion.version)
    wanted = {"champion": champion, "challenger": latest if later else None}
    versions = {v.tags.get("sha256"): v.version for v in client.search_model_versions(f"name='{MODEL}'")}
    for alias, release in wanted.items():
        if release is None:  # an alias that still points there would tell a lie
            client.delete_registered_model_alias(MODEL, alias)
        elif release.sha256 in versions:
            client.set_registered_model_alias(MODEL, alias, versions[release.sha256])
