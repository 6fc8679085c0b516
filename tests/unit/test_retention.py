"""Raw rows end after their days, and nobody is erased while a run could write them anew."""

import os
import time

import pytest
from typer.testing import CliRunner

from deskloop import occupied
from deskloop.cli import app
from deskloop.errors import BadInput
from deskloop.retention import forget
from deskloop.settings import Preprocess, Settings
from deskloop.sources.batch import Batch
from deskloop.store import MANIFEST, raw_store

DAY = 86_400


def aged(store, receipt, days):
    at = time.time() - days * DAY
    os.utime(store.path(receipt) / MANIFEST, (at, at))


def put(store, kind, number):
    def build(folder):
        (folder / "n").write_text(str(number))
        return Batch([], [], [], 0).save(folder)

    return store.put_dir(kind, build)


def test_batches_end_after_their_days_and_nothing_else_does(tmp_path):
    settings = Settings(home=tmp_path, preprocess=Preprocess(raw_days=30))
    store = raw_store(settings)
    old, young, again = (put(store, "batch", number) for number in (1, 2, 3))
    clean = put(store, "clean", 4)
    for receipt in (old, again, clean):
        aged(store, receipt, 32)
    put(store, "batch", 3)
    assert forget(settings) == 1
    assert set(store.objects()) == {young.sha256, again.sha256, clean.sha256}
    assert forget(Settings(home=tmp_path, preprocess=Preprocess(raw_days=0))) == 0


def test_an_erasure_waits_for_no_run_and_no_run_begins_during_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deskloop.yaml").write_text("home: home")
    settings = Settings(home=tmp_path / "home")
    with occupied.reading(settings), occupied.reading(settings):
        dry = CliRunner().invoke(app, ["erase", "--customer", "ann@mail.example"])
        assert dry.exit_code == 0
        result = CliRunner().invoke(app, ["erase", "--customer", "ann@mail.example", "--yes"])
        assert isinstance(result.exception, SystemExit | BadInput) and result.exit_code != 0
    with occupied.alone(settings), pytest.raises(BadInput, match="being erased"), occupied.reading(settings):
        pass
    assert CliRunner().invoke(app, ["erase", "--customer", "ann@mail.example", "--yes"]).exit_code == 0
