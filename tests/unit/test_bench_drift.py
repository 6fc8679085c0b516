"""The drift bench: the contract's figures, honest about how windows were drawn."""

import json
import random

import pytest

from deskloop.bench.drift import WINDOW, Texts, _passes, measure, run
from deskloop.errors import BadInput
from deskloop.features.tiny import TinyEncoder
from deskloop.settings import Model, Settings

ORDERS = "where is my parcel order tracking courier late delivery address change window".split()
OTHERS = "solar panel inverter roof install battery grid warranty voltage app firmware".split()


def texts(words: list[str], rows: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(words, k=rng.randint(3, 9))) for _ in range(rows)]


def test_null_windows_stay_quiet_and_shifted_ones_are_found(tmp_path):
    TinyEncoder(dimension=32).save(tmp_path / "encoder")
    parts = {"r": texts(ORDERS, 400, 1), "n": texts(ORDERS, 500, 2), "s": texts(OTHERS, 250, 3)}
    for name, rows in parts.items():
        (tmp_path / name).with_suffix(".jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in rows))
    files = [tmp_path / f"{name}.jsonl" for name in parts]
    result = run(*files, Settings(model=Model(encoder=str(tmp_path / "encoder"))), windows=(6, 2))
    for check in (result, result["evidently"]):
        assert check["false_alarm_rate"] <= check["false_alarm_upper_95"] <= 1
        assert list(check["power"]) == ["0.1", "0.25", "0.5", "1"]
    assert result["false_alarm_rate"] == 0
    assert result["power"]["1"] == 1
    assert "2 disjoint windows a pass" in result["resampling"]


def test_windows_of_a_pass_share_no_row():
    import numpy as np

    draws = _passes(3 * WINDOW + 7, np.random.default_rng(1))
    taken = np.concatenate([next(draws) for _ in range(3)])
    assert len(set(taken.tolist())) == 3 * WINDOW


def test_too_few_rows_are_told_in_one_line():
    with pytest.raises(BadInput, match="--null has 10 rows; windows of 200 need at least 400"):
        measure(Texts(["a"] * 400, ["b"] * 10, ["c"] * 400), TinyEncoder(), 0.01)
