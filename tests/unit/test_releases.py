"""The champion pointer is one row moved in one transaction; leases have one holder. On both databases."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from deskloop import database as db
from deskloop.errors import BadInput, CorruptBundle
from deskloop.records import Receipt
from deskloop.releases import Releases
from deskloop.settings import Settings
from deskloop.store import Store, verify_manifest


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else f"sqlite:///{tmp_path}/a.db"


@pytest.fixture
def releases(url: str) -> Releases:
    """Three registered bundles, none of them champion."""
    register = Releases(db.connect(url))
    for n in (1, 2, 3):
        made(register, n)
    return register


def made(releases: Releases, n: int) -> int:
    release = releases.register(Path(f"/b/{n}"), f"{n:064x}", verdict={}, metrics={"f1": 0.9}, reason="test")
    return release.version


def together(work: Callable[[int], Any], times: int = 8) -> list[Any]:
    """Run `work(0..times-1)` at the same moment; results, or what was raised."""
    barrier = threading.Barrier(times)

    def one(n: int) -> Any:
        barrier.wait()
        try:
            return work(n)
        except BadInput as error:
            return error

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_a_bundle_keeps_its_version_and_times_are_in_utc(releases: Releases) -> None:
    assert made(releases, 2) == 2
    assert [r.version for r in releases.all()] == [3, 2, 1]
    assert abs((db.now() - releases.get(1).created_at).total_seconds()) < 60


def test_promotion_moves_the_pointer_and_is_logged(releases: Releases) -> None:
    assert releases.champion() is None
    releases.promote(1, "first")
    releases.promote(2, "better")
    champion = releases.champion()
    assert champion is not None and champion.version == 2 and champion.path == Path("/b/2")
    moves = [(h["action"], h["from_version"], h["to_version"]) for h in releases.history(2)]
    assert moves == [("promote", 1, 2), ("promote", None, 1)]


def test_rollback_goes_back_step_by_step_and_never_forward(releases: Releases) -> None:
    for version in (1, 2, 3, 2):
        releases.promote(version, "test")
    assert [releases.rollback("worse").version for _ in range(3)] == [3, 2, 1]
    with pytest.raises(BadInput, match="no earlier champion"):
        releases.rollback("worse")
    releases.promote(3, "again")
    assert releases.rollback("worse").version == 1


def test_rollback_to_a_named_version_is_a_step_back_to_it(releases: Releases) -> None:
    for version in (1, 2, 3):
        releases.promote(version, "test")
    assert releases.rollback("much worse", version=1).version == 1
    with pytest.raises(BadInput, match="no earlier champion"):
        releases.rollback("worse")


def test_retired_and_unknown_versions_cannot_be_served(releases: Releases) -> None:
    releases.promote(1, "test")
    releases.promote(2, "test")
    with releases.engine.begin() as c:
        c.execute(update(db.releases).where(db.releases.c.version == 1).values(retired=True))
    for version, why in ((1, "retired"), (9, "no version 9")):
        with pytest.raises(BadInput, match=why):
            releases.promote(version, "test")
    with pytest.raises(BadInput, match="no earlier champion"):
        releases.rollback("to a retired one")
    assert releases.champion().version == 2  # type: ignore[union-attr]


def test_withdrawal_undoes_a_promotion_but_not_that_of_another(releases: Releases) -> None:
    releases.promote(1, "test")
    releases.promote(2, "test")
    releases.withdraw(1, "too late: 2 is champion")
    assert releases.champion().version == 2  # type: ignore[union-attr]
    releases.withdraw(2, "smoke test failed")
    assert releases.champion().version == 1  # type: ignore[union-attr]
    releases.withdraw(1, "smoke test failed")
    assert releases.champion() is None
    releases.promote(3, "test")
    with pytest.raises(BadInput, match="no earlier champion"):
        releases.rollback("the others were withdrawn")


def test_promotions_at_the_same_moment_leave_one_champion_and_an_unbroken_log(url: str) -> None:
    releases = Releases(db.connect(url))
    versions = [made(releases, n) for n in range(1, 9)]
    together(lambda n: Releases(db.connect(url)).promote(versions[n], "race"))
    moves = [(h["from_version"], h["to_version"]) for h in releases.history() if h["action"] == "promote"][::-1]
    assert sorted(to for _, to in moves) == versions
    assert [before for before, _ in moves] == [None, *(to for _, to in moves[:-1])]
    assert releases.champion().version == moves[-1][1]  # type: ignore[union-attr]


def test_two_rollbacks_at_the_same_moment_go_back_one_step(releases: Releases, url: str) -> None:
    for version in (1, 2, 3):
        releases.promote(version, "test")
    barrier, seen = threading.Barrier(4), Releases._way_back

    class Simultaneous(Releases):
        """Everybody has read the log before anybody moves."""

        def _way_back(self) -> tuple[int | None, int | None]:
            found = seen(self)
            barrier.wait()
            return found

    together(lambda _: Simultaneous(db.connect(url)).rollback("race"), 4)
    assert releases.champion().version == 2  # type: ignore[union-attr]


def test_the_same_bundle_registered_at_the_same_moment_has_one_version(url: str) -> None:
    db.connect(url)
    got = together(lambda _: made(Releases(db.connect(url)), 5))
    assert set(got) == {1}


def test_a_lease_has_one_holder_until_it_runs_out(releases: Releases, url: str) -> None:
    got = together(lambda n: Releases(db.connect(url)).acquire_lease("drift", f"h{n}", 60))
    assert sorted(got) == [False] * 7 + [True]
    assert not releases.acquire_lease("drift", "late", 60)
    with releases.engine.begin() as c:
        c.execute(db.leases.update().values(expires_at=0))
    got = together(lambda n: Releases(db.connect(url)).acquire_lease("drift", f"h{n}", 60))
    assert sorted(got) == [False] * 7 + [True]


def sealed(store: Store) -> Receipt:
    return store.put_dir("bundle", lambda folder: (folder / "model.txt").write_text("weights"))


def kept(receipt: Receipt, store: Store, releases: Releases) -> None:
    made = releases.register(store.path(receipt), receipt.sha256, verdict={}, metrics={}, reason="test")
    releases.promote(made.version, "test")


def test_a_home_that_was_moved_keeps_its_champion(tmp_path: Path) -> None:
    before = Settings(home=tmp_path / "before")
    before.home.mkdir()
    store = Store(before.store_root)
    kept(sealed(store), store, Releases.of(before))
    moved = Settings(home=before.home.rename(tmp_path / "after"))
    champion = Releases.of(moved).champion()
    assert champion is not None and moved.home in champion.path.parents
    assert verify_manifest(champion.path)["kind"] == "bundle"


def test_another_host_fetches_the_champion_from_the_remote_store(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = f"memory://{tmp_path.name}"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "here"))
    store = Store(root)
    kept(sealed(store), store, Releases(db.connect(url), root))
    shutil.rmtree(tmp_path / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there"))
    champion = Releases(db.connect(url), root).champion()
    assert champion is not None and (champion.path / "model.txt").read_text() == "weights"


def test_a_bundle_that_was_removed_is_nowhere_and_its_version_is_still_listed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    store, releases = Store(settings.store_root), Releases.of(settings)
    receipt = sealed(store)
    kept(receipt, store, releases)
    store.remove(receipt.sha256)
    champion = releases.champion()
    assert champion is not None
    assert [r.path.exists() for r in releases.all()] == [False]
    with pytest.raises(CorruptBundle, match="gone or was never finished"):
        verify_manifest(champion.path)
