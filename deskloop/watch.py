"""One look at live traffic through the champion's eyes. Reads the traffic store and the champion's bundle only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from deskloop import drift
from deskloop.releases import Release
from deskloop.settings import Settings
from deskloop.traffic import Traffic

LOOK_BACK = 3  # windows
EMPTY = drift.Sample(np.zeros((0, 1), dtype=np.float32), pd.DataFrame())


def check(
    champion: Release | None, traffic: Traffic, window: int, settings: Settings
) -> tuple[drift.Drift, drift.Sample, drift.Sample]:
    """Compare the latest `window` messages that this champion answered with its reference.

    Returns the outcome and both samples. Without a champion the verdict is `undetermined`.
    """
    if champion is None:
        return drift.Drift("undetermined", "there is no champion yet", 0, 0), EMPTY, EMPTY
    from deskloop.features.sentence import SentenceEncoder

    # small talk and a former champion's messages are left out, so look further back than the window
    answered = traffic.window(LOOK_BACK * window)
    rows = [r for r in answered if r["model_version"] == champion.version and r["kind"] != "smalltalk"][-window:]
    reference = drift.Sample.load(champion.path / "reference")
    live = live_sample(rows, SentenceEncoder.load(champion.path / "encoder")) if rows else EMPTY
    outcome = drift.check(reference, live, settings.monitor.alpha, settings.monitor.min_window)
    return outcome, reference, live


def live_sample(rows: list[dict[str, Any]], encoder: Any) -> drift.Sample:
    """Served messages as a drift check sees them."""
    texts = [r["text"] for r in rows]
    columns = ([r[name] for r in rows] for name in ("intent", "confidence", "kind"))
    return drift.sample(texts, encoder.encode(texts), *columns)
