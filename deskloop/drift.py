"""Has live traffic drifted from what the champion was trained on?

The verdict comes from permutation tests, which hold their false-alarm rate by construction for any sample
size: maximum mean discrepancy over sentence vectors (Gretton et al. 2012, eq. 3), their distance to the nearest
others (Angiulli and Pizzuti 2002), total variation over intents, Kolmogorov-Smirnov over confidence,
Bonferroni-corrected. Evidently draws and keeps the reports.
The reference holds vectors and figures, no customer's text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PERMUTATIONS = 1999
REFERENCE_ROWS = 1000
NEIGHBOURS = 5
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Messages as a drift check sees them: unit vectors (n, d) and a frame of figures (n rows)."""

    vectors: NDArray[np.float32]
    figures: pd.DataFrame

    def __len__(self) -> int:
        return len(self.figures)

    def save(self, folder: Path) -> None:
        """Write as safetensors and Parquet."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file({"vectors": np.ascontiguousarray(self.vectors)}, folder / "vectors.safetensors")
        self.figures.to_parquet(folder / "figures.parquet", index=False)

    @classmethod
    def load(cls, folder: Path) -> Sample:
        """Back from the folder."""
        from safetensors.numpy import load_file

        return cls(load_file(folder / "vectors.safetensors")["vectors"], pd.read_parquet(folder / "figures.parquet"))


@dataclass(frozen=True)
class Test:
    """One comparison. `p_value` is exact up to the number of permutations."""

    name: str
    statistic: float
    p_value: float
    drifted: bool


@dataclass(frozen=True)
class Drift:
    """The outcome of one check."""

    verdict: str
    summary: str
    reference: int
    live: int
    tests: tuple[Test, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return json.loads(json.dumps(asdict(self)))


def sample(
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    intents: Sequence[str | None],
    confidence: Sequence[float | None],
    kinds: Sequence[str | None],
) -> Sample:
    """Describe messages by figures that hold none of their text."""
    words = pd.Series([len(text.split()) for text in texts], dtype="float64")
    frame = pd.DataFrame(
        {
            "words": words,
            "characters": pd.Series([len(text) for text in texts], dtype="float64"),
            "digits_share": [sum(c.isdigit() for c in text) / max(len(text), 1) for text in texts],
            "intent": pd.Series([i or "none" for i in intents], dtype="object"),
            "confidence": pd.Series(list(confidence), dtype="float64"),
            "handed_over": [float(kind == "handoff") for kind in kinds],
        }
    )
    return Sample(np.asarray(vectors, dtype=np.float32), frame)


def thin(reference: Sample) -> Sample:
    """At most REFERENCE_ROWS of the reference, drawn at random: the time grows with their square."""
    if len(reference) <= REFERENCE_ROWS:
        return reference
    keep = np.sort(np.random.default_rng(3).choice(len(reference), REFERENCE_ROWS, replace=False))
    return Sample(reference.vectors[keep], reference.figures.iloc[keep].reset_index(drop=True))


def check(reference: Sample, live: Sample, alpha: float, min_window: int, seed: int = 5) -> Drift:
    """Compare; fewer live messages than `min_window` give the verdict `undetermined`.

    `alpha` is the false-alarm rate of the whole check. A column with one value in both samples cannot drift and
    takes no share of it: that depends on the pooled rows only, so the tests stay exact. Deterministic for a seed.
    """
    if len(live) < min_window or len(reference) < min_window:
        fewer = f"{len(live)} live and {len(reference)} reference messages, {min_window} of each are needed"
        return Drift("undetermined", fewer, len(reference), len(live))
    reference = thin(reference)
    rng = np.random.default_rng(seed)
    weights = _signs(len(reference), len(live), rng)
    before, after = reference.figures, live.figures
    square = _square_distances(reference.vectors, live.vectors)
    tests = [("text", _mmd(square, weights)), ("novelty", _novelty(square, weights))]
    for name, compare in (("intent", _total_variation), ("confidence", _kolmogorov)):
        if pd.concat([before[name], after[name]]).nunique(dropna=False) > 1:
            tests.append((name, compare(before[name], after[name], weights)))
    level = alpha / len(tests)
    done = tuple(Test(name, stat, p, p <= level) for name, (stat, p) in tests)
    drifted = [t.name for t in done if t.drifted]
    summary = ", ".join(f"{t.name} p={t.p_value:.4f}" for t in done) + f" (alarm at p <= {level:.4f})"
    return Drift("drift" if drifted else "none", summary, len(reference), len(live), done)


def _signs(m: int, n: int, rng: np.random.Generator) -> Floats:
    """Membership weights (PERMUTATIONS + 1, m + n): 1/m for reference, -1/n for live; the first row is the truth."""
    truth = np.concatenate([np.full(m, 1 / m), np.full(n, -1 / n)])
    return np.vstack([truth, *(rng.permutation(truth) for _ in range(PERMUTATIONS))])


def _p_value(statistics: Floats) -> tuple[float, float]:
    """The true statistic is the first; p counts it among its permutations (Phipson & Smyth 2010)."""
    return float(statistics[0]), float((statistics >= statistics[0] - 1e-12).mean())


def _square_distances(reference: NDArray[np.float32], live: NDArray[np.float32]) -> Floats:
    """Between all pooled unit vectors, (m + n, m + n)."""
    pooled = np.vstack([reference, live]).astype(np.float64)
    return np.maximum(2 - 2 * pooled @ pooled.T, 0)


def _novelty(square: Floats, weights: Floats) -> tuple[float, float]:
    """How much farther live messages lie from their nearest pooled neighbours than those of the reference.

    It sees scattered new questions, which hardly move the mean that MMD compares. One-sided, since live messages
    repeat each other while near-duplicates are taken out of the reference: that is no drift.
    """
    others = square + np.diag(np.full(len(square), np.inf))
    nearest = np.partition(others, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
    return _p_value(-(weights @ np.sqrt(nearest).mean(axis=1)))


def _mmd(square: Floats, weights: Floats) -> tuple[float, float]:
    """Squared MMD (biased form) with a Gaussian kernel at the median distance."""
    kernel = np.exp(-square / max(float(np.median(square)), 1e-9))
    return _p_value(np.einsum("ij,ij->i", weights @ kernel, weights))


def _total_variation(reference: pd.Series, live: pd.Series, weights: Floats) -> tuple[float, float]:
    """Half the summed difference of the shares of each intent."""
    onehot = pd.get_dummies(pd.concat([reference, live], ignore_index=True)).to_numpy(dtype=float)
    return _p_value(np.abs(weights @ onehot).sum(axis=1) / 2)


def _kolmogorov(reference: pd.Series, live: pd.Series, weights: Floats) -> tuple[float, float]:
    """Largest gap between the two empirical distribution functions."""
    values = pd.concat([reference, live], ignore_index=True).fillna(-1.0).to_numpy()
    order = np.argsort(values, kind="stable")
    last_of_tie = np.append(np.diff(values[order]) > 0, True)
    return _p_value(np.abs(np.cumsum(weights[:, order], axis=1)[:, last_of_tie]).max(axis=1))


def evidently_report(reference: Sample, live: Sample, folder: Path) -> dict[str, Any]:
    """Evidently's drift report over the same figures, saved as HTML and JSON in `folder`; its methods are pinned.

    Returns its JSON form. Empty samples and columns without a value are left out, since it refuses them.
    """
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    columns = [c for c in reference.figures if reference.figures[c].notna().any() and live.figures[c].notna().any()]
    numerical = [c for c in columns if c != "intent"]
    definition = DataDefinition(numerical_columns=numerical, categorical_columns=["intent"])
    frames = [Dataset.from_pandas(s.figures[columns], data_definition=definition) for s in (live, reference)]
    preset = DataDriftPreset(num_method="ks", cat_method="jensenshannon", num_threshold=0.01, cat_threshold=0.2)
    snapshot = Report([preset], include_tests=True).run(*frames)
    folder.mkdir(parents=True, exist_ok=True)
    snapshot.save_html(str(folder / "drift.html"))
    snapshot.save_json(str(folder / "drift.json"))
    return json.loads(snapshot.json())
