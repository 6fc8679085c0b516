"""Sentence vectors from the pretrained encoder, on CPU, without torch. Knows nothing about labels.

All-MiniLM-L6-v2 runs on CTranslate2 with int8 products: two to five times as fast as float32, at the same quality
of what is built on it (docs/decisions/encoder.md). On disk it is float16.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deskloop.errors import BadInput

KIND = "ctranslate2"
MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was trained for
BATCH_TOKENS = 1024  # padded tokens of one batch: larger ones leave the cache and are slower
TRAINABLE = "hf"  # folder of the weights that the export came from, where they are kept for fine-tuning
FEW = 64  # calls of at most this many texts are remembered


class Encoder(Protocol):
    """What turns texts into unit vectors."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns float32 (n, dimension), unit rows."""

    def save(self, folder: Path) -> None:
        """Write a folder that `SentenceEncoder.load` opens."""


class SentenceEncoder:
    """Mean-pooled last hidden state at unit length (Reimers and Gurevych 2019). Safe for several threads.

    Where `encoder.json` names a token `until`, only the states up to its first occurrence are pooled: what follows is
    read as context, and does not drown a short message.
    `threads` batches run side by side, one thread each: two threads inside one batch would spin against
    each other on busy virtual cores. The last `remember` texts of small calls are not encoded again.
    """

    def __init__(self, folder: Path, threads: int = 2, remember: int = 1024) -> None:
        import ctranslate2
        from tokenizers import Tokenizer

        facts = json.loads((folder / "encoder.json").read_bytes())
        self.dimension = int(facts["dimension"])
        self._folder, self._threads, self._remember = folder, threads, remember
        self._model = ctranslate2.Encoder(
            str(folder), device="cpu", compute_type="int8_float32", intra_threads=1, inter_threads=threads
        )
        self._until = facts.get("until")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(int(facts["max_tokens"]))
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def load(folder: Path, threads: int = 2, remember: int = 1024) -> Encoder:
        """Open an exported encoder, or a tiny one. Raises BadInput if the folder holds neither."""
        path = folder / "encoder.json"
        if not path.is_file():
            raise BadInput(f"{folder} holds no exported encoder; run `deskloop fetch`")
        facts = json.loads(path.read_bytes())
        if facts["kind"] == KIND:
            return SentenceEncoder(folder, threads, remember)
        from deskloop.features import tiny

        if facts["kind"] == tiny.KIND:
            return tiny.TinyEncoder(facts["dimension"], facts["seed"])
        raise BadInput(f"{path} names encoder {facts['kind']!r}; wanted {KIND} or {tiny.KIND}; fetch again")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns float32 (n, dimension), unit rows. Equal texts are encoded once."""
        distinct = list(dict.fromkeys(texts))
        vectors = self._remembered(distinct) if len(distinct) <= FEW else self._encode(distinct)
        row = {text: i for i, text in enumerate(distinct)}
        return vectors[[row[text] for text in texts]]

    def save(self, folder: Path) -> None:
        """Copy the exported files; the trainable weights stay behind."""
        shutil.copytree(self._folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(TRAINABLE))

    def _remembered(self, texts: list[str]) -> NDArray[np.float32]:
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
        missing = [text for text in texts if text not in found]
        found.update(zip(missing, self._encode(missing), strict=True))
        with self._lock:
            self._known.update(found)
            while len(self._known) > self._remember:
                self._known.popitem(last=False)
        return np.array([found[text] for text in texts], np.float32).reshape(len(texts), self.dimension)

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        tokens = [piece.ids for piece in self._tokenizer.encode_batch(texts)]
        out = np.empty((len(texts), self.dimension), np.float32)
        batches = list(_batches([len(ids) for ids in tokens]))
        if len(batches) == 1:
            out[batches[0]] = self._pooled([tokens[i] for i in batches[0]])
            return out
        with ThreadPoolExecutor(self._threads) as pool:
            done = pool.map(lambda rows: self._pooled([tokens[i] for i in rows]), batches)
            for rows, vectors in zip(batches, done, strict=True):
                out[rows] = vectors
        return out

    def _pooled(self, batch: list[list[int]]) -> NDArray[np.float32]:
        hidden = np.asarray(self._model.forward_batch(batch).last_hidden_state)
        lengths = np.array([counted(ids, self._until) for ids in batch])
        inside = np.arange(hidden.shape[1])[None, :] < lengths[:, None]
        mean = np.einsum("ntd,nt->nd", hidden, inside.astype(np.float32)) / lengths[:, None]
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), dtype=np.float32)


def counted(ids: list[int], until: int | None) -> int:
    """How many of the tokens are pooled: those up to the first `until`, it included."""
    return ids.index(until) + 1 if until in ids else len(ids)


def export(
    source: Path, target: Path, *, max_tokens: int = MAX_TOKENS, keep: bool = False, until: int | None = None
) -> None:
    """Turn a fetched Hugging Face encoder into the folder that serving loads; needs torch and transformers.

    `until`: see `SentenceEncoder`. `keep` copies the trainable weights too. The target appears whole or not at
    all. Raises BadInput if `source` is no such encoder, or if `target` holds anything but an earlier export.
    """
    needed = ("config.json", "tokenizer.json", "model.safetensors")
    for name in needed:
        if not (source / name).is_file():
            raise BadInput(f"{source} has no {name}; wanted an encoder in Hugging Face layout: fetch it again")
    if target.is_dir() and any(target.iterdir()) and not (target / "encoder.json").is_file():
        raise BadInput(f"{target} holds something else; wanted an empty folder or an earlier export")
    from ctranslate2.converters import TransformersConverter

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as scratch:
        folder = Path(scratch) / "encoder"
        TransformersConverter(str(source)).convert(str(folder), quantization="float16")
        shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
        size = json.loads((source / "config.json").read_bytes())["hidden_size"]
        _describe(folder, kind=KIND, dimension=size, max_tokens=max_tokens, until=until)
        if keep:
            (folder / TRAINABLE).mkdir()
            for name in needed:
                shutil.copyfile(source / name, folder / TRAINABLE / name)
        shutil.rmtree(target, ignore_errors=True)
        folder.replace(target)


def _describe(folder: Path, **facts: Any) -> None:
    (folder / "encoder.json").write_text(json.dumps(facts, indent=1), "utf-8")


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Rows of similar length together, at most BATCH_TOKENS padded tokens each; longest first."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch and (len(batch) + 1) * lengths[batch[0]] > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


class Remembering:
    """An encoder that knows the vectors of some texts already, so that no stage encodes what another has."""

    def __init__(self, encoder: Encoder, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        self._encoder = encoder
        self._known = dict(zip(texts, vectors, strict=True))

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows (n, dimension): known ones from memory, the others encoded together."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        found = dict(zip(new, self._encoder.encode(new), strict=True)) if new else {}
        rows = [self._known[text] if text in self._known else found[text] for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self.dimension), np.float32)

    def save(self, folder: Path) -> None:
        """Write the encoder itself."""
        self._encoder.save(folder)
