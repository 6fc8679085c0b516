"""Where files live: content-addressed objects, written atomically, manifest last.

A receipt names an object by the digest of its content, so it can be trusted on any host that sees the
same root. The root is a folder, or any fsspec URL (`s3://bucket/prefix`) of which a local copy is kept.
Knows nothing about what the objects mean.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec

from deskloop.errors import CorruptBundle
from deskloop.records import Receipt
from deskloop.settings import Settings

MANIFEST = "manifest.json"


def sha256_file(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` so that a reader sees the old file or the whole new one, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_manifest(folder: Path, **facts: Any) -> str:
    """Seal a folder: digest every file into `manifest.json`, written last. Returns the manifest's digest."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / MANIFEST)
    files = {p.relative_to(folder).as_posix(): sha256_file(p) for p in paths}
    data = json.dumps({**facts, "files": files}, indent=1, sort_keys=True).encode()
    write_atomic(folder / MANIFEST, data)
    return hashlib.sha256(data).hexdigest()


def verify_manifest(folder: Path) -> dict[str, Any]:
    """Check every file of a sealed folder and return its manifest. Raises CorruptBundle naming the file."""
    path = folder / MANIFEST
    if not path.is_file():
        raise CorruptBundle(f"{folder} has no {MANIFEST}: it is gone or was never finished; retrain or roll back")
    data = path.read_bytes()
    try:
        manifest: dict[str, Any] = json.loads(data)
        files = dict(manifest["files"])
        named = re.fullmatch(r"[0-9a-f]{64}", folder.name)  # in the store a folder is named by its manifest's digest
        if named and hashlib.sha256(data).hexdigest() != folder.name:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise CorruptBundle(f"{path} is changed since it was sealed; retrain or roll back") from None
    for name, digest in files.items():
        file = folder / name
        if not file.is_file() or sha256_file(file) != digest:
            raise CorruptBundle(f"{file} is missing or changed since it was sealed; retrain or roll back")
    return manifest


class Store:
    """Objects below one root. `put_*` return a receipt, the readers take one. `private`: for the owner alone."""

    def __init__(self, root: str | Path, private: bool = False) -> None:
        self.root = str(root)
        self._mode = 0o700 if private else 0o755
        self._fs, self._base = fsspec.core.url_to_fs(self.root)
        self._remote = "file" not in self._fs.protocol
        local = Path(tempfile.gettempdir()) / "deskloop-store" / hashlib.sha256(self.root.encode()).hexdigest()[:16]
        self._local = local if self._remote else Path(self._base)

    @property
    def identity(self) -> str:
        """A random id made with the store, so that caches of a deleted store are never believed."""
        path = self._local / "identity"
        if not path.is_file():
            known = self._fs.cat_file(f"{self._base}/identity") if self._remote_has("identity") else None
            write_first(path, known or uuid.uuid4().hex.encode())
            if known is None:
                self._upload(path, "identity")
        return path.read_text()

    def put_bytes(self, kind: str, data: bytes, rows: int = 1) -> Receipt:
        """Keep `data`; the same bytes land on the same object."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if not path.exists():
            write_atomic(path, data)
        self._upload(path, f"objects/{digest}")
        return Receipt(kind=kind, sha256=digest, rows=rows)

    def put_json(self, kind: str, value: Any, rows: int = 1) -> Receipt:
        """Keep a JSON value in canonical form."""
        return self.put_bytes(kind, json.dumps(value, sort_keys=True, ensure_ascii=False).encode(), rows)

    def put_table(self, kind: str, frame: Any) -> Receipt:
        """Keep a pandas DataFrame as Parquet."""
        return self.put_bytes(kind, frame.to_parquet(index=False), len(frame))

    def put_file(self, kind: str, path: Path, rows: int = 1) -> Receipt:
        """Keep a finished file, which is moved away from `path`."""
        digest = sha256_file(path)
        target = self._path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            aside = target.with_name(f".{digest}.{uuid.uuid4().hex}")
            shutil.move(path, aside)
            aside.replace(target)
        self._upload(target, f"objects/{digest}")
        return Receipt(kind=kind, sha256=digest, rows=rows)

    def put_dir(self, kind: str, build: Callable[[Path], int | None]) -> Receipt:
        """Let `build` fill an empty folder, seal it, and move it into place in one step.

        `build` returns the number of rows (None counts as 1).
        """
        self._local.mkdir(parents=True, exist_ok=True, mode=self._mode)
        (self._local / "objects").mkdir(exist_ok=True, mode=self._mode)
        folder = Path(tempfile.mkdtemp(dir=self._local / "objects", prefix=".new-"))
        try:
            rows = build(folder)
            digest = write_manifest(folder, kind=kind)
            folder.chmod(self._mode)
            _move(folder, self._path(digest))
            os.utime(self._path(digest) / MANIFEST)  # when it was last put; the folder's time tells when first
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._upload(self._path(digest), f"objects/{digest}")
        return Receipt(kind=kind, sha256=digest, rows=1 if rows is None else rows)

    def path(self, receipt: Receipt) -> Path:
        """Local path of an object, fetched if the store is remote. Raises CorruptBundle if it is gone."""
        path = self._path(receipt.sha256)
        if not path.exists() and self._remote_has(f"objects/{receipt.sha256}"):
            self._download(receipt.sha256)
        if not path.exists():
            raise CorruptBundle(
                f"{receipt.kind} {receipt.sha256[:12]} is not in {self.root}; run again with --refresh"
            )
        return path

    def objects(self) -> dict[str, Path]:
        """Local path of every object by its digest; what only the remote store has is fetched."""
        names = {p.name for p in (self._local / "objects").glob("*")}
        if self._remote and self._fs.exists(f"{self._base}/objects"):
            names |= {Path(str(p)).name for p in self._fs.ls(f"{self._base}/objects", detail=False)}
        digests = sorted(n for n in names if re.fullmatch(r"[0-9a-f]{64}", n))
        return {d: self.path(Receipt(kind="object", sha256=d, rows=0)) for d in digests}

    def remove(self, digest: str) -> None:
        """Remove an object here and in the remote store; its manifest first, so that it never looks whole."""
        path = self._path(digest)
        if self._remote_has(f"objects/{digest}"):
            self._fs.rm(f"{self._base}/objects/{digest}", recursive=True)
        if path.is_dir():
            (path / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def older(self, kind: str, before: float) -> list[str]:
        """Digests of the folders of a kind that were last put before a time (Unix seconds)."""
        found = []
        for path in sorted((self._local / "objects").glob("*/")):
            manifest = path / MANIFEST
            if not re.fullmatch(r"[0-9a-f]{64}", path.name) or not manifest.is_file():
                continue
            if manifest.stat().st_mtime < before and json.loads(manifest.read_bytes()).get("kind") == kind:
                found.append(path.name)
        return found

    def renew(self) -> None:
        """Take a new identity: no result that any cache remembers is believed from now on."""
        if self._remote_has("identity"):
            self._fs.rm(f"{self._base}/identity")
        (self._local / "identity").unlink(missing_ok=True)
        _ = self.identity

    def json(self, receipt: Receipt) -> Any:
        """Read a JSON object back."""
        return json.loads(self.path(receipt).read_bytes())

    def table(self, receipt: Receipt) -> Any:
        """Read a table back as a pandas DataFrame."""
        import pandas as pd

        return pd.read_parquet(self.path(receipt))

    def _path(self, digest: str) -> Path:
        return self._local / "objects" / digest

    def _remote_has(self, name: str) -> bool:
        return self._remote and bool(self._fs.exists(f"{self._base}/{name}"))

    def _upload(self, path: Path, name: str) -> None:
        """Copy a file, or a sealed folder with its manifest last, unless it arrived whole before."""
        if not self._remote:
            return
        if path.is_file():
            if not self._remote_has(name):
                self._fs.pipe_file(f"{self._base}/{name}", path.read_bytes())
        elif not self._remote_has(f"{name}/{MANIFEST}"):
            files = sorted((p for p in path.rglob("*") if p.is_file()), key=lambda p: p == path / MANIFEST)
            for file in files:
                self._fs.put_file(str(file), f"{self._base}/{name}/{file.relative_to(path).as_posix()}")

    def _download(self, digest: str) -> None:
        """Fetch aside, check, then move into place: a broken transfer leaves nothing that looks whole."""
        objects = self._local / "objects"
        objects.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=objects, prefix=".get-") as scratch:
            got = Path(scratch) / digest
            self._fs.get(f"{self._base}/objects/{digest}", str(got), recursive=True)
            if got.is_dir():
                verify_manifest(got)
            if sha256_file(got / MANIFEST if got.is_dir() else got) != digest:
                raise CorruptBundle(
                    f"object {digest[:12]} of {self.root} does not match its digest; run with --refresh"
                )
            _move(got, self._path(digest))


def raw_store(settings: Settings) -> Store:
    """Where raw batches are kept: apart from everything cleaned, for the owner alone."""
    return Store(settings.raw_root, private=True)


def _move(path: Path, target: Path) -> None:
    """Move into place; where the same content lies there already, that stays."""
    try:
        path.replace(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(path)


def write_first(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write `data` unless the file is there: of several writers at once, the first one's stays, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with os.fdopen(os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_EXCL, mode), "wb") as stream:
            stream.write(data)
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)
