"""MLflow mirrors the register: every version once, the champion by alias, and never in the way."""

import pytest

from deskloop import tracking
from deskloop.database import connect
from deskloop.releases import Releases
from deskloop.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def releases(settings):
    return Releases(connect(settings.database))


def release(releases: Releases, letter: str, **metrics: float) -> int:
    folder = releases_folder(releases) / letter
    return releases.register(
        folder, letter * 64, verdict={"summary": "passed"}, metrics={"candidate": "c", **metrics}, reason="test"
    ).version


def releases_folder(releases: Releases):
    from pathlib import Path

    return Path(str(releases.engine.url.database)).parent


def test_versions_scores_and_the_champion_are_mirrored_once(settings, releases):
    from mlflow.tracking import MlflowClient

    first, second = release(releases, "a", recall=0.9), release(releases, "b", recall=0.8, nothing=float("nan"))
    releases.promote(second, "better")
    assert tracking.mirror(settings, releases) == 2
    assert tracking.mirror(settings, releases) == 0

    client = MlflowClient(settings.tracking, settings.tracking)
    champion = client.get_model_version_by_alias(tracking.MODEL, "champion")
    assert champion.tags["deskloop_version"] == str(second)
    assert client.get_run(champion.run_id).data.metrics == {"recall": 0.8}

    releases.promote(first, "back")
    tracking.mirror(settings, releases)
    champion = client.get_model_version_by_alias(tracking.MODEL, "champion")
    assert champion.tags["deskloop_version"] == str(first)

    releases.withdraw(first, "smoke test failed")
    releases.withdraw(second, "smoke test failed")
    assert releases.champion() is None
    tracking.mirror(settings, releases)
    assert "champion" not in client.get_registered_model(tracking.MODEL).aliases


def test_a_mirror_that_cannot_be_reached_only_logs(settings, releases, caplog):
    release(releases, "a")
    broken = settings.model_copy(update={"tracking_uri": "sqlite:////proc/none/mlflow.db"})
    assert tracking.mirror(broken, releases) == 0
    assert "the next run tries again" in caplog.text


def test_off_means_off(settings, releases, tmp_path):
    release(releases, "a")
    assert tracking.mirror(settings.model_copy(update={"tracking_uri": "none"}), releases) == 0
    assert not (tmp_path / "mlflow.db").exists()
