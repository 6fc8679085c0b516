"""Raw batches to clean, safe, split data, in one place: what partitions do elsewhere, for data that fits in memory.

Every record that came in is accepted or set aside with a reason. Knows nothing about where data is kept.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from deskloop.entries import Known
from deskloop.frames import schemas
from deskloop.partitions import clean_part, collect
from deskloop.settings import Settings
from deskloop.sources.batch import Batch


@dataclass(frozen=True)
class Prepared:
    """Clean frames, the rows set aside, and counts that add up."""

    conversations: pd.DataFrame
    knowledge: pd.DataFrame
    messages: pd.DataFrame
    quarantine: pd.DataFrame
    counts: dict[str, Any]


def prepare(batches: Sequence[Batch], settings: Settings) -> Prepared:
    """Clean, redact, deduplicate, link, split and check. Deterministic for the same batches and settings."""
    known = Known.of((e for b in batches for e in b.knowledge), settings)
    with tempfile.TemporaryDirectory(prefix="deskloop-") as name:
        part, out = Path(name) / "part", Path(name) / "out"
        part.mkdir()
        out.mkdir()
        clean_part(batches, known, settings, part)
        counts = collect([part], known, settings, out)
        frames = {name: pd.read_parquet(out / f"{name}.parquet") for name in schemas()}
    return Prepared(**frames, counts=counts)
