"""MLflow mirrors the register: every version once, the champion by alias, and never in the way."""

import json

import pytest

from deskloop import tracking
from deskloop.releases import Releases
from deskloop.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def releases(settings):
    return Releases.of(settings)


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


def sealed(folder, **training):
    """A bundle with what the mirror reads."""
    for name, value in {
        "training.json": training,
        "thresholds.json": {"policy": "retrieve", "confidence": {"threshold": 0.7}},
        "manifest.json": {"files": {"index/entries.json": "e" * 64}},
        "generator/origin.json": {"name": "smollm2", "sha256": "f" * 64},
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(value))
    (folder / "README.md").write_text("# A card\n")
    (folder / "plots").mkdir()
    (folder / "plots" / "confusion.png").write_bytes(b"a picture")
    (folder / "learnt-from").write_text("d" * 64)


def test_a_run_has_parameters_the_loss_over_steps_artifacts_and_digests_of_its_data(settings, releases, tmp_path):
    from mlflow.tracking import MlflowClient

    sealed(tmp_path / "b", steps=[1, 2], losses=[2.0, 1.5], checks=[[2, 1.7]], examples=40, recipe={"rank": 16})
    release(releases, "a")
    releases.promote(1, "first")
    release(releases, "b", recall=0.8)
    tracking.mirror(settings, releases)

    client = MlflowClient(settings.tracking, settings.tracking)
    challenger = client.get_model_version_by_alias(tracking.MODEL, "challenger")
    assert challenger.tags["messages"] == "d" * 64 and challenger.tags["champion_before"] == "1"
    assert client.get_model_version_by_alias(tracking.MODEL, "champion").tags["deskloop_version"] == "1"
    run = client.get_run(challenger.run_id)
    parameters = run.data.params
    assert (parameters["recipe.rank"], parameters["examples"], parameters["policy"]) == ("16", "40", "retrieve")
    assert [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "train_loss")] == [
        (1, 2.0),
        (2, 1.5),
    ]
    assert run.data.tags["base_model_sha256"] == "f" * 64
    assert {(i.dataset.name, i.dataset.digest) for i in run.inputs.dataset_inputs} == {
        ("messages", "d" * 36), ("knowledge", "e" * 36),
    }  # fmt: skip
    shown = {"README.md", "plots", "training.json", "verdict.json"}
    assert {a.path for a in client.list_artifacts(run.info.run_id)} == shown
    assert [a.path for a in client.list_artifacts(run.info.run_id, "plots")] == ["plots/confusion.png"]
    assert (tmp_path / "mlflow-artifacts").is_dir()

    releases.promote(2, "better")
    tracking.mirror(settings, releases)
    assert set(client.get_registered_model(tracking.MODEL).aliases) == {"champion"}
