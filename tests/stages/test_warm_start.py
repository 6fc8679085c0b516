"""Which champion a retraining goes on from."""

from __future__ import annotations

from pathlib import Path

import pytest

from deskloop.database import connect
from deskloop.records import Receipt
from deskloop.releases import Releases
from deskloop.settings import Model, Settings
from tasks.model import LEARNT, _warm

OLD, NEW = (Receipt(kind="messages", sha256=c * 64, rows=1) for c in "ab")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def releases(settings: Settings, tmp_path: Path) -> Releases:
    (tmp_path / LEARNT).write_text(OLD.sha256)
    releases = Releases(connect(settings.database))
    release = releases.register(tmp_path, "c" * 64, verdict={}, metrics={}, reason="test")
    releases.promote(release.version, "test")
    return releases


def test_new_messages_are_learnt_from_the_champion_on(releases: Releases, settings: Settings, tmp_path: Path) -> None:
    assert _warm(NEW, settings) == tmp_path / "generator"


def test_the_same_messages_are_learnt_afresh(releases: Releases, settings: Settings) -> None:
    assert _warm(OLD, settings) is None


def test_nothing_goes_on_from_a_champion_that_saw_an_erased_customer(releases: Releases, settings: Settings) -> None:
    releases.retire(1, "a customer was erased")
    assert _warm(NEW, settings) is None


def test_the_configuration_can_want_every_model_made_afresh(releases: Releases, settings: Settings) -> None:
    afresh = settings.model_copy(update={"model": Model(warm_start=False)})
    assert _warm(NEW, afresh) is None


def test_without_a_champion_there_is_none(settings: Settings) -> None:
    assert _warm(NEW, settings) is None
