"""MLflow as a mirror of runs, versions and aliases, for people and tools. Never the master of anything.

What is missing in the mirror is written at the next promotion or start-up, so a tracking server that is
down costs nothing but a late mirror.
"""

from __future__ import annotations

import logging
import math
import os
import time
from pathlib import Path
from typing import Any

from deskloop.releases import Release, Releases
from deskloop.settings import Settings

MODEL = "deskloop"
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
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(MODEL)
    try:
        client.get_registered_model(MODEL)
    except MlflowException:
        client.create_registered_model(MODEL)
    known = {v.tags.get("sha256") for v in client.search_model_versions(f"name='{MODEL}'")}
    missing = [r for r in reversed(releases.all()) if r.sha256 not in known]
    for release in missing:
        _write(client, experiment_id, release)
    _alias(client, releases.champion())
    return len(missing)


def _create_aside(uri: str, client: Any) -> None:
    """Make a new SQLite database under another name: half-made tables would break the mirror for good."""
    path = Path(uri.removeprefix("sqlite:///"))
    if not uri.startswith("sqlite:///") or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    client(f"sqlite:///{aside}", f"sqlite:///{aside}").search_experiments()
    aside.replace(path)


def _write(client: Any, experiment_id: str, release: Release) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    scores = {n: v for n, v in release.metrics.items() if isinstance(v, float) and math.isfinite(v)}
    verdict = str(release.verdict.get("summary", ""))
    run = client.create_run(experiment_id, run_name=f"v{release.version}", tags={"sha256": release.sha256})
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(name, value, now, 0) for name, value in scores.items()],
        params=[
            Param("reason", release.reason[:500]),
            Param("verdict", verdict[:500]),
        ],
    )
    client.set_terminated(run.info.run_id)
    tags = {"sha256": release.sha256, "deskloop_version": str(release.version)}
    client.create_model_version(MODEL, source=release.path.as_uri(), run_id=run.info.run_id, tags=tags)


def _alias(client: Any, champion: Release | None) -> None:
    if champion is None:  # withdrawn: an alias that still points there would tell a lie
        client.delete_registered_model_alias(MODEL, "champion")
        return
    for version in client.search_model_versions(f"name='{MODEL}'"):
        if version.tags.get("sha256") == champion.sha256:
            client.set_registered_model_alias(MODEL, "champion", version.version)
