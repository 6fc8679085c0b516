"""Splits leak nothing: not over time, not through a core, not through near-duplicates."""

import pandas as pd
import pytest

from deskloop.splits import SET_ASIDE, after_cut, assign, crossing


def table(**columns):
    rows = len(next(iter(columns.values())))
    plain = {
        "id": [f"r{i}" for i in range(rows)],
        "at": [None] * rows,
        "synthetic": [False] * rows,
        "core_id": [None] * rows,
    }
    return pd.DataFrame({**plain, **columns})


@pytest.fixture
def dated():
    return table(at=[f"2025-{1 + i // 28:02d}-{1 + i % 28:02d}T00:00:00+00:00" for i in range(200)])


def test_the_latest_real_rows_are_the_test(dated):
    split = assign(dated, 0.2, 0.15, seed=1)
    assert split.value_counts().to_dict() == {"train": 136, "test": 40, "validation": 24}
    assert dated.loc[split == "test", "at"].min() > dated.loc[split != "test", "at"].max()


def test_synthetic_children_of_held_out_rows_are_set_aside(dated):
    children = dated.assign(id="s" + dated["id"], core_id=dated["id"], synthetic=True)
    frame = pd.concat([dated, children], ignore_index=True)
    split = assign(frame, 0.2, 0.15, seed=1)
    assert set(split[frame["synthetic"]]) == {"train", SET_ASIDE}
    taught = set(frame.loc[frame["synthetic"] & (split == "train"), "core_id"])
    assert taught == set(frame.loc[~frame["synthetic"] & (split == "train"), "id"])


def test_rows_that_belong_together_stay_together(dated):
    frame = dated.assign(group=[f"r{i - i % 3}" for i in range(200)], core_id=[f"c{i // 5}" for i in range(200)])
    split = assign(frame, 0.3, 0.2, seed=1)
    assert split.groupby(frame["core_id"]).nunique().max() == 1
    assert split.groupby(frame["group"]).nunique().max() == 1
    assert set(split) <= {"train", "validation", "test"}


def test_undated_rows_are_split_by_hash_so_that_new_rows_move_few():
    before = assign(table(at=[None] * 300), 0.2, 0.15, seed=1)
    after = assign(table(at=[None] * 310), 0.2, 0.15, seed=1)
    assert (before == "test").sum() == 60
    assert (before != after[:300]).mean() < 0.1


def test_a_source_that_begins_late_also_teaches():
    old = table(at=[f"2025-01-{1 + i % 28:02d}" for i in range(100)]).assign(source="tickets")
    new = table(at=[f"2026-01-{1 + i % 28:02d}" for i in range(100)]).assign(source="reviewed")
    frame = pd.concat([old, new.assign(id="n" + new["id"])], ignore_index=True)
    split = assign(frame, 0.4, 0.15, seed=1)
    for source in ("tickets", "reviewed"):
        assert 0.35 < (split[frame["source"] == source] == "test").mean() < 0.45


def test_a_customer_on_both_sides_of_the_cut_goes_to_one(dated):
    frame = dated.assign(customer=[f"p{i % 80}" if i % 4 else None for i in range(200)])
    split = assign(frame, 0.2, 0.15, seed=1)
    known = frame["customer"].notna()
    assert split[known].groupby(frame["customer"]).nunique().max() == 1
    assert 36 <= (split == "test").sum() <= 44
    begun = frame.groupby(frame["customer"].fillna(frame["id"]))["at"].transform("min")
    assert frame.loc[split == "test", "at"].min() >= begun[split == "test"].min() > begun[split != "test"].max()


def test_a_customer_named_in_a_synthetic_row_ties_nothing(dated):
    made = dated.assign(id="s" + dated["id"], customer="everybody", synthetic=True)
    frame = pd.concat([dated.assign(customer=[f"p{i}" for i in range(200)]), made], ignore_index=True)
    split = assign(frame, 0.2, 0.15, seed=1)
    assert (split[frame["synthetic"]] == "train").all()
    assert (split == "test").sum() == 40


def test_late_rows_of_an_early_customer_teach_and_are_counted(dated):
    frame = dated.assign(source="tickets", customer=[f"p{i}" for i in range(200)])
    frame.loc[[10, 190, 195], "customer"] = "comes back"
    frame["split"] = assign(frame, 0.2, 0.15, seed=1)
    assert frame.loc[10, "split"] == frame.loc[190, "split"] == frame.loc[195, "split"] != "test"
    assert after_cut(frame)[lambda late: late].index.tolist() == [190, 195]


def test_customers_in_two_splits_are_counted(dated):
    frame = dated.assign(customer=[f"p{i % 80}" for i in range(200)])
    apart = assign(frame.drop(columns="customer"), 0.2, 0.15, seed=1)
    assert crossing(frame.assign(split=apart)).sum() > 40
    assert crossing(frame.assign(split=assign(frame, 0.2, 0.15, seed=1))).sum() == 0
