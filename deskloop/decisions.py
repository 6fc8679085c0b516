"""What happens to each row, decided over all partitions at once from their small tables and bucket keys.

Reads no text: ids, times, keyed customers, digests, and the shingles of those rows that share a bucket with another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deskloop import dedup, frames, minhash, semantic, splits
from deskloop.settings import Settings

COLUMNS = ["id", "source", "at", "customer", "synthetic", "core_id", "answered", "said", "routed", "single", "agree"]
DECIDED = ["id", "reason", "split", "first", "customer", "late", "crossing", "newcomer"]


def decide(parts: Sequence[Path], settings: Settings) -> Iterator[pd.DataFrame]:
    """For each partition a frame with a row for each of its clean rows, of the columns DECIDED.

    `reason` is empty for what stays; `first` tells whether the row's opening is to be learnt from: no other row asks
    it, and its language is answered; `late` whether it is as late as the test and not in it; `crossing` is true in
    one row of each customer who stands in more than one split; `newcomer` whether its customer wrote for the first
    time, None where that is unknown.
    """
    table = pd.concat([pd.read_parquet(p / "table.parquet") for p in parts], ignore_index=True)
    _name(table)
    table["at"] = table["at"].fillna("")
    table["newcomer"] = _newcomers(table)
    order = np.asarray(table.sort_values(["synthetic", "answered", "at", "id"], kind="stable").index)
    threshold = settings.preprocess.near_duplicate
    order = order[(table["reason"] == "").to_numpy()[order]]
    leader = _leaders(parts, "whole", order, len(table), threshold)
    said = table["said"].to_numpy()
    again = np.flatnonzero(leader != np.arange(len(table)))
    same = said[again] == said[leader[again]]
    table.loc[again, "reason"] = np.where(same, "duplicate", "near-duplicate")
    kept = order[(table["reason"] == "").to_numpy()[order]]
    alike = _leaders(parts, "opening", kept, len(table), threshold)
    if settings.preprocess.semantic_duplicates:
        alike, kept = _same_in_meaning(parts, table, kept, alike, settings.preprocess.semantic_duplicates)
    _split(table, kept, alike, settings)
    table["first"] = (alike == np.arange(len(table))) & ~table["routed"].astype(bool)
    start = 0
    for part in parts:
        rows = frames.rows(part / "table.parquet")
        yield table.iloc[start : start + rows][DECIDED]
        start += rows


def _same_in_meaning(
    parts: Sequence[Path], table: pd.DataFrame, kept: Any, alike: Any, threshold: float
) -> tuple[Any, Any]:
    """`alike` and `kept` once what says the same in other words is found; a conversation of one question goes.

    Synthetic rows take no part: to say the same in other words is what they are for.
    """
    heads = kept[(alike[kept] == kept) & ~table["synthetic"].to_numpy(bool)[kept]]
    vectors = _Vectors(parts, heads)
    found = semantic.first_of_each(
        vectors,
        semantic.bucket_keys(vectors.take(np.arange(len(heads)))),
        table["agree"].to_numpy()[heads],
        threshold,
    )
    leader = np.arange(len(table))
    leader[heads] = heads[found]
    again = (leader != np.arange(len(table))) & table["single"].to_numpy(bool)
    table.loc[again, "reason"] = "semantic-duplicate"
    return leader[alike], kept[~again[kept]]


class _Vectors:
    """Sentence vectors of some rows of all partitions, left on disk."""

    def __init__(self, parts: Sequence[Path], rows: Any) -> None:
        self._files = [np.load(p / "opening-vectors.npy", mmap_mode="r", allow_pickle=False) for p in parts]
        self._starts = np.cumsum([0, *map(len, self._files)])
        self._rows = rows

    def take(self, rows: Any) -> Any:
        """Float32 rows by their place among the chosen ones."""
        chosen = self._rows[rows]
        out = np.empty((len(chosen), self._files[0].shape[1]), np.float32)
        part = np.searchsorted(self._starts, chosen, side="right") - 1
        for number in np.unique(part):
            mine = part == number
            out[mine] = self._files[number][chosen[mine] - self._starts[number]]
        return out


def _name(table: pd.DataFrame) -> None:
    """An id that came before takes its source in front; one that still came before is a copy and set aside."""
    again = table["id"].duplicated()
    table.loc[again, "id"] = table.loc[again, "source"] + ":" + table.loc[again, "id"]
    table["reason"] = np.where(table["id"].duplicated(), "id used twice", "").astype(object)


def _newcomers(table: pd.DataFrame) -> pd.Series:
    """Is a row the earliest of its customer? None where nobody is named, nothing is dated, or nobody wrote it."""
    known = table["customer"].notna() & (table["at"] != "") & ~table["synthetic"].astype(bool)
    earliest = table[known].groupby("customer")["at"].transform("min")
    first = (table.loc[known, "at"] == earliest).astype(object)
    return first.reindex(table.index, fill_value=None)


def _split(table: pd.DataFrame, kept: Any, alike: Any, settings: Settings) -> None:
    """Add `split`, the reason of rows set aside for it, and take held-out people's names off synthetic rows."""
    how = settings.preprocess
    rows = np.sort(kept)
    frame = table.loc[rows, ["id", "source", "at", "customer", "synthetic", "core_id"]]
    frame["group"] = table["id"].to_numpy()[alike[rows]]
    table["split"] = ""
    if not how.customers_apart:
        frame = frame.drop(columns="customer")
    split = splits.assign(frame, how.test_share, how.validation_share, settings.model.seed)
    table.loc[rows, "split"] = split
    stays = table[table["reason"] == ""]
    for name, found in (("late", splits.after_cut(stays)), ("crossing", splits.crossing(stays))):
        table[name] = found.reindex(table.index, fill_value=False)
    table.loc[table["split"] == splits.SET_ASIDE, "reason"] = "grown from a held-out row"
    if not how.customers_apart:
        return
    # Nobody wrote a synthetic row: one that names a person whose own words are held out names nobody from here on.
    real = frame[~frame["synthetic"] & (split != "train")]
    named = table["synthetic"] & table["customer"].isin(set(real["customer"].dropna()))
    table["customer"] = table["customer"].mask(named, None)


def _leaders(parts: Sequence[Path], name: str, order: Any, rows: int, threshold: float) -> Any:
    """For each row the row it repeats, its own if none; earlier in `order` leads. Returns int64 (rows,)."""
    out = np.arange(rows, dtype=np.int64)
    company = np.zeros(rows, bool)
    for band in range(minhash.shape(threshold)[0]):  # one band at a time: 8 bytes a row in memory
        keys = np.concatenate([_open(p, name, "keys")[:, band] for p in parts])
        company[order] |= minhash.repeated(keys[order])
    chosen = order[company[order]]
    keys, shingles = _gathered(parts, name, chosen)
    found = dedup.first_of_each(shingles, keys, threshold)
    out[chosen] = chosen[found]
    return out


def _gathered(parts: Sequence[Path], name: str, chosen: Any) -> tuple[Any, minhash.Shingles]:
    """Bucket keys and shingles of the chosen rows, in their order, read partition by partition."""
    sizes = np.cumsum([0, *(len(_open(p, name, "offsets")) - 1 for p in parts)])
    keys: list[Any] = [None] * len(chosen)
    values: list[Any] = [None] * len(chosen)
    place = np.argsort(chosen, kind="stable")
    bounds = np.searchsorted(chosen[place], sizes)
    for part, low, high, start in zip(parts, bounds, bounds[1:], sizes, strict=False):
        k, v, o = (_open(part, name, what) for what in ("keys", "values", "offsets"))
        for at in place[low:high]:
            row = chosen[at] - start
            keys[at], values[at] = k[row], v[o[row] : o[row + 1]]
    lengths = np.array([0, *map(len, values)], np.int64)
    flat = np.concatenate(values) if values else np.empty(0, np.uint32)
    wide = np.array(keys) if keys else np.empty((0, 1), np.uint64)
    return wide, minhash.Shingles(flat, np.cumsum(lengths))


def _open(part: Path, name: str, what: str) -> Any:
    return np.load(part / f"{name}-{what}.npy", mmap_mode="r", allow_pickle=False)
