"""The store: content decides the name, readers see whole objects or none, damage is named."""

import threading
from concurrent.futures import ThreadPoolExecutor

import fsspec
import pandas as pd
import pytest

from deskloop.errors import CorruptBundle
from deskloop.records import Receipt
from deskloop.store import MANIFEST, Store, sha256_file, verify_manifest, write_atomic, write_manifest


@pytest.fixture(params=["folder", "remote"])
def store(request, tmp_path, monkeypatch):
    """A store in a folder, and one behind an fsspec URL."""
    if request.param == "folder":
        return Store(tmp_path / "store")
    return remote_store(tmp_path, monkeypatch, "here")


def remote_store(tmp_path, monkeypatch, host: str) -> Store:
    """The same remote root seen from a host of its own (its own temporary folder)."""
    local = tmp_path / host
    local.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(local))
    return Store(f"memory://{tmp_path.name}")


def two_files(folder):
    (folder / "a").mkdir()
    (folder / "a" / "one.txt").write_text("one")
    (folder / "two.txt").write_text("two")
    return 2


def test_what_is_put_comes_back(store):
    frame = pd.DataFrame({"id": ["a", "b"], "n": [1, 2]})
    pd.testing.assert_frame_equal(store.table(store.put_table("rows", frame)), frame)
    assert store.json(store.put_json("card", {"ü": [1, 2]})) == {"ü": [1, 2]}
    receipt = store.put_dir("parts", two_files)
    assert receipt.rows == 2
    assert (store.path(receipt) / "a" / "one.txt").read_text() == "one"
    assert verify_manifest(store.path(receipt))["kind"] == "parts"


def test_the_same_content_has_the_same_name(store):
    assert store.put_json("x", {"a": 1, "b": 2}) == store.put_json("x", {"b": 2, "a": 1})
    assert store.put_dir("parts", two_files) == store.put_dir("parts", two_files)
    assert not list((store.path(store.put_bytes("x", b"1")).parent).glob(".*"))


def test_an_object_that_is_gone_says_so(store):
    with pytest.raises(CorruptBundle, match=r"rows 000000000000 is not in .*--refresh"):
        store.path(Receipt(kind="rows", sha256="0" * 64, rows=1))


def test_a_folder_whose_making_fails_leaves_nothing(store):
    receipt = store.put_bytes("x", b"1")

    def fails(folder):
        two_files(folder)
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        store.put_dir("parts", fails)
    assert [p.name for p in store.path(receipt).parent.iterdir()] == [receipt.sha256]


def test_the_store_keeps_its_identity_and_a_new_one_has_another(tmp_path):
    first = Store(tmp_path / "a").identity
    assert Store(tmp_path / "a").identity == first
    assert Store(tmp_path / "b").identity != first


def test_stages_that_start_at_once_agree_on_the_identity(tmp_path):
    ready = threading.Barrier(8)

    def look(_):
        ready.wait()
        return Store(tmp_path / "store").identity

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(look, range(8)))) == 1


def test_what_is_removed_is_gone_and_a_renewed_store_is_another(store):
    parts, card = store.put_dir("parts", two_files), store.put_json("card", [1])
    assert set(store.objects()) == {parts.sha256, card.sha256}
    before = store.identity
    for receipt in (parts, card):
        store.remove(receipt.sha256)
        with pytest.raises(CorruptBundle):
            store.path(receipt)
    assert store.objects() == {}
    store.renew()
    assert store.identity != before


def test_another_host_reads_what_one_has_put(tmp_path, monkeypatch):
    here = remote_store(tmp_path, monkeypatch, "here")
    receipts = here.put_dir("parts", two_files), here.put_json("x", [1])
    there = remote_store(tmp_path, monkeypatch, "there")
    assert there.identity == here.identity
    assert (there.path(receipts[0]) / "two.txt").read_text() == "two"
    assert there.json(receipts[1]) == [1]


def test_a_broken_transfer_is_never_taken_for_an_object(tmp_path, monkeypatch):
    here = remote_store(tmp_path, monkeypatch, "here")
    receipt = here.put_dir("parts", two_files)
    fs = fsspec.filesystem("memory")
    fs.rm(f"{tmp_path.name}/objects/{receipt.sha256}/two.txt")
    there = remote_store(tmp_path, monkeypatch, "there")
    for _ in range(2):
        with pytest.raises(CorruptBundle):
            there.path(receipt)


def test_an_upload_that_failed_is_made_up_for(tmp_path, monkeypatch):
    here = remote_store(tmp_path, monkeypatch, "here")
    receipt = here.put_bytes("x", b"1")
    fsspec.filesystem("memory").rm(f"{tmp_path.name}/objects/{receipt.sha256}")
    here.put_bytes("x", b"1")
    assert remote_store(tmp_path, monkeypatch, "there").path(receipt).read_bytes() == b"1"


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "two.txt").write_text("tw0"),
        lambda folder: (folder / "two.txt").unlink(),
        lambda folder: (folder / MANIFEST).unlink(),
        lambda folder: (folder / MANIFEST).write_text('{"files": '),
        lambda folder: (folder / MANIFEST).write_text("[]"),
    ],
    ids=["changed", "missing", "unsealed", "half a manifest", "another manifest"],
)
def test_a_damaged_bundle_is_named_with_a_way_out(tmp_path, damage):
    two_files(tmp_path)
    write_manifest(tmp_path)
    damage(tmp_path)
    with pytest.raises(CorruptBundle, match="retrain or roll back"):
        verify_manifest(tmp_path)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    write_atomic(path, b"old")
    before = sha256_file(path)
    with pytest.raises(TypeError):
        write_atomic(path, "no bytes")  # type: ignore[arg-type]
    assert sha256_file(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
