"""False alarms and power of the drift check, and of Evidently's default text drift on the same windows.

Texts are encoded once; a window is a draw of rows, so that many windows cost little.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from deskloop import drift
from deskloop.bench import rows
from deskloop.errors import BadInput
from deskloop.features.sentence import Encoder, SentenceEncoder
from deskloop.metrics import wilson_upper
from deskloop.settings import Settings

WINDOW = 200  # messages
SHARES = (0.1, 0.25, 0.5, 1.0)  # of the shifted texts in a window
WINDOWS = (500, 50)  # of null texts, and of each share of shifted ones
PEER_METHOD, PEER_AUC = "abs_text_content_drift", 0.55
SEED = 23

Rows = NDArray[np.int_]


class Texts(NamedTuple):
    """What is compared: what was known, more of the same, and something else."""

    reference: list[str]
    null: list[str]
    shifted: list[str]


Verdict = Callable[[Rows, Rows], str]  # rows of null and of shifted texts -> drift, none or undetermined


def run(
    reference: Path, null: Path, shifted: Path, settings: Settings, windows: tuple[int, int] = WINDOWS
) -> dict[str, Any]:
    """Both checks on the rows {"text"} of three files, with the encoder of the configuration."""
    from deskloop.generator import base

    read = ([str(row["text"]) for row in rows.read(path, "text")] for path in (reference, null, shifted))
    texts, encoder = Texts(*read), SentenceEncoder.load(base.encoder_path(settings))
    return measure(texts, encoder, settings.monitor.alpha, windows)


def measure(texts: Texts, encoder: Encoder, alpha: float, windows: tuple[int, int] = WINDOWS) -> dict[str, Any]:
    """Shares of windows that raise an alarm, over so many `windows` of null texts and of each mixture.

    Raises BadInput where the texts do not fill two windows of null and one of the others.
    """
    _require(texts)
    null, shifted = len(texts.null), len(texts.shifted)
    ours = _rates(_permutation_check(texts, encoder, alpha), null, shifted, windows)
    peer = _rates(_evidently_check(texts), null, shifted, windows)
    return {
        **ours,
        "alpha": alpha,
        "window": WINDOW,
        "resampling": _resampling(null),
        "rows": {"reference": len(texts.reference), "null": null, "shifted": shifted},
        "evidently": {"method": f"{PEER_METHOD}, drift at AUC > {PEER_AUC}", **peer},
    }


def _require(texts: Texts) -> None:
    for name, rows_ in texts._asdict().items():
        least = 2 * WINDOW if name == "null" else WINDOW
        if len(rows_) < least:
            raise BadInput(f"--{name} has {len(rows_)} rows; windows of {WINDOW} need at least {least}")


def _resampling(null: int) -> str:
    return (
        f"each window holds {WINDOW} different rows; windows are cut from a shuffled pass over the {null} null rows, "
        f"{null // WINDOW} disjoint windows a pass, reshuffled when used up: windows of different passes share rows, "
        "so the bound treats them as independent, which they are not quite"
    )


def _rates(check: Verdict, null: int, shifted: int, windows: tuple[int, int]) -> dict[str, Any]:
    """False-alarm rate with its one-sided 95 % Wilson bound, and power by share, of one check."""
    began = time.perf_counter()
    none = np.array([], dtype=int)
    draws = _passes(null, np.random.default_rng(SEED))
    said = Counter(check(next(draws), none) for _ in range(windows[0]))
    decided = windows[0] - said["undetermined"]
    power = {f"{share:g}": _power(check, null, shifted, share, windows[1]) for share in SHARES}
    taken = time.perf_counter() - began
    return {
        "false_alarm_rate": said["drift"] / decided if decided else float("nan"),
        "false_alarm_upper_95": wilson_upper(said["drift"], decided),
        "null_windows": windows[0],
        "undetermined": said["undetermined"],
        "power": power,
        "power_windows": windows[1],
        "ms_per_check": 1000 * taken / (windows[0] + windows[1] * len(SHARES)),
    }


def _power(check: Verdict, null: int, shifted: int, share: float, windows: int) -> float:
    """Share of windows found drifted; a window that cannot be decided counts as missed."""
    rng = np.random.default_rng(SEED + 1)
    new = round(share * WINDOW)
    draws = [
        (rng.choice(null, WINDOW - new, replace=False), rng.choice(shifted, new, replace=False))
        for _ in range(windows)
    ]
    return sum(check(*draw) == "drift" for draw in draws) / windows


def _passes(size: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Windows without repeated rows, disjoint within a pass over the shuffled rows."""
    while True:
        shuffled = rng.permutation(size)
        for start in range(0, size - WINDOW + 1, WINDOW):
            yield shuffled[start : start + WINDOW]


def _permutation_check(texts: Texts, encoder: Encoder, alpha: float) -> Verdict:
    """Deskloop's own check on text alone: intents and confidence are constant."""
    reference, null, shifted = (_described(part, encoder) for part in texts)
    known = drift.thin(reference)

    def verdict(usual: Rows, new: Rows) -> str:
        figures = [null.figures.iloc[usual], shifted.figures.iloc[new]]
        vectors = np.vstack([null.vectors[usual], shifted.vectors[new]])
        live = drift.Sample(vectors, pd.concat(figures, ignore_index=True))
        return drift.check(known, live, alpha, min_window=WINDOW).verdict

    return verdict


def _described(texts: list[str], encoder: Encoder) -> drift.Sample:
    constant: tuple[list[str | None], list[float | None]] = ([None] * len(texts), [None] * len(texts))
    return drift.sample(texts, encoder.encode(texts), *constant, kinds=[None] * len(texts))


def _evidently_check(texts: Texts) -> Verdict:
    """Evidently's text drift, pinned to its default for more than 1,000 reference rows.

    What it cannot decide (it raises on repetitive text) is undetermined.
    """
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    def dataset(texts: list[str]) -> Any:
        return Dataset.from_pandas(
            pd.DataFrame({"text": texts}), data_definition=DataDefinition(text_columns=["text"])
        )

    known = dataset(texts.reference)
    metric = ValueDrift(column="text", method=PEER_METHOD, threshold=PEER_AUC)

    def verdict(usual: Rows, new: Rows) -> str:
        live = dataset([texts.null[i] for i in usual] + [texts.shifted[i] for i in new])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                snapshot = Report([metric], include_tests=True).run(live, known).dict()
        except (ValueError, ZeroDivisionError):
            return "undetermined"
        return "drift" if snapshot["tests"][0]["status"] == "FAIL" else "none"

    return verdict
