"""Which rows teach, tune and test. Nothing that belongs together is parted, and the test begins after a cut in time.

Rows that share a conversation, a customer, a hand-written core or a near-duplicate group go to one side whole.
Dated real groups are ordered by their earliest row and the latest of each source are the test: all of it lies
behind a cut, as in the use that the model is made for; a customer who wrote before the cut and after it teaches.
It is by source, so that a source that begins late (such as what the desk reviewed last week) also teaches.
"""

from __future__ import annotations

import hashlib
from typing import Any

SET_ASIDE = "set_aside"


def assign(frame: Any, test_share: float, validation_share: float, seed: int) -> Any:
    """Split per row: `train`, `validation`, `test`, or `set_aside` for synthetic rows whose core is held out.

    `frame` has id, at (ISO text or None), synthetic and core_id; `group`, where present, ties near-duplicates
    together, `customer` the real rows of one person; `source` tells whose time is compared. Shares are of real
    rows. Returns a pandas Series on
    the frame's index.
    """
    import pandas as pd

    groups = _groups(frame)
    source = frame.get("source", "")
    real = frame.assign(_group=groups, _source=source)[~frame["synthetic"].astype(bool)]
    # the earliest time of a group, so that it is in the test only if all of it is late; empty where undated
    dates = real["at"].where(real["at"].astype(bool) & real["at"].notna(), "")
    ordered = real.assign(at=dates, _undated=dates == "").sort_values(["_undated", "at"], kind="stable")
    table = ordered.groupby("_group").agg(rows=("id", "size"), at=("at", "first"))
    table["source"] = real.groupby("_group")["_source"].first()
    held = _held_out(table, test_share, validation_share, seed)
    split = groups.map(lambda g: held.get(g, "train"))
    aside = frame["synthetic"].astype(bool) & (split != "train")
    return pd.Series(split.where(~aside, SET_ASIDE).to_numpy(), index=frame.index, name="split")


def after_cut(frame: Any) -> Any:
    """Which real rows are as late as their source's test and not in it, bool Series: their group began before it.

    `frame` has split, source, at (ISO text, empty where undated) and synthetic. Such rows teach or tune instead.
    """
    real = ~frame["synthetic"].astype(bool) & (frame["at"] != "")
    begins = frame[real & (frame["split"] == "test")].groupby("source")["at"].min()
    begun = frame["at"] >= frame["source"].map(begins).fillna("\U0010ffff")
    return real & begun & (frame["split"] != "test")


def crossing(frame: Any) -> Any:
    """One row of each customer whose own words stand in more than one split, bool Series.

    `frame` has split, customer (None where unknown) and synthetic.
    """
    real = frame[~frame["synthetic"].astype(bool) & frame["customer"].notna()]
    parted = real.groupby("customer")["split"].nunique() > 1
    first = real[real["customer"].isin(parted[parted].index)].drop_duplicates("customer")
    return frame.index.to_series().isin(first.index)


def _held_out(table: Any, test_share: float, validation_share: float, seed: int) -> dict[str, str]:
    total = int(table["rows"].sum())
    dated = table[table["at"] != ""].sort_values("at", kind="stable")
    undated = table[table["at"] == ""]
    held: dict[str, str] = {}
    latest_first = [(part, list(part.index[::-1])) for _, part in dated.groupby("source")]
    for part, order in (*latest_first, (undated, _shuffled(undated.index, seed))):
        held.update(_take(order, part["rows"], test_share * part["rows"].sum(), "test"))
    rest = table.drop(index=list(held))
    wanted = validation_share * (total - table.loc[list(held), "rows"].sum())
    held.update(_take(_shuffled(rest.index, seed + 1), rest["rows"], wanted, "validation"))
    return held


def _take(order: list[str], rows: Any, wanted: float, split: str) -> dict[str, str]:
    taken: dict[str, str] = {}
    size = rows.to_dict()
    count = 0
    for group in order:
        # Whole groups only; one that overshoots by more than it lacks is left for another split.
        if count + size[group] / 2 > wanted:
            continue
        taken[group] = split
        count += size[group]
    return taken


def _shuffled(groups: Any, seed: int) -> list[str]:
    """Order by a hash, so that a row added later does not move the others."""
    return sorted(groups, key=lambda g: hashlib.sha256(f"{seed}:{g}".encode()).digest())


def _groups(frame: Any) -> Any:
    """The name of each row's group: rows joined by id, core, customer or near-duplicates, however long the chain.

    A synthetic row was written by nobody: it follows its core, and a customer named in it ties nothing. The name is
    the least of the group's ids, which a new key for the customers' hashes does not change.
    """
    import numpy as np
    import pandas as pd
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = len(frame)
    keys = [frame["id"], frame["core_id"], frame.get("group", frame["id"]), _people(frame)]
    codes, names = pd.factorize(pd.concat([k.astype(object) for k in keys], ignore_index=True), sort=True)
    own, other = np.tile(codes[:rows], len(keys)), codes
    tied = other >= 0
    links = coo_array((np.ones(tied.sum(), np.int8), (own[tied], other[tied])), shape=(len(names), len(names)))
    _, group = connected_components(links, directed=False)
    least = np.full(group.max(initial=-1) + 1, len(names))
    np.minimum.at(least, group, np.arange(len(names)))
    return pd.Series(np.asarray(names)[least[group[codes[:rows]]]], index=frame.index)


def _people(frame: Any) -> Any:
    """A key for the customer of each real row, which sorts behind every id; None where there is none."""
    import pandas as pd

    if "customer" not in frame:
        return pd.Series([None] * len(frame), dtype=object)
    who = frame["customer"].astype(object)
    named = who.map(lambda w: isinstance(w, str) and bool(w)) & ~frame["synthetic"].astype(bool)
    return ("\U0010ffff" + who.astype(str)).where(named, None)
