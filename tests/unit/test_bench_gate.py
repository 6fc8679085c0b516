"""The gate's bench on the tiny shop: what each challenger is, and that the gate sees the harm."""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd
import pytest

from deskloop import sources, suites, trial
from deskloop.bench import challengers, gate, trials
from deskloop.features.sentence import SentenceEncoder
from deskloop.generator.base import base_engine, encoder_path
from deskloop.prepare import prepare
from deskloop.settings import load


@pytest.fixture(scope="module")
def bench(open_shop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    with open_shop(folder / "project") as project:
        settings = load(project / "deskloop.yaml")
        settings = settings.model_copy(update={"models": folder / "models"})
        made = prepare([sources.read(source, settings) for source in settings.sources], settings)
    engine = base_engine(settings)
    encoder = SentenceEncoder.load(encoder_path(settings))
    yield gate.opened(made.messages, made.knowledge, encoder, engine, settings, folder / "work")
    engine.close()


def test_every_kind_is_judged_no_bad_one_is_promoted_and_none_is_judged_again(bench, monkeypatch, tmp_path):
    monkeypatch.setattr("deskloop.gate.UNNOTICED_MS", 0.0)  # a tiny generator writes faster than that
    monkeypatch.setattr(trials, "POISONED", 0.6)  # of five entries; one alone may be an edit
    sizes, path = trials.Sizes(bad=1, equal=1, better=1, edited=1), tmp_path / "kept.jsonl"
    result = gate.compare(bench, sizes, gate.Kept(path))
    kinds = Counter(row["kind"] for row in result["verdicts"])
    assert kinds == {
        "equal": 1, "better": 1, "flipped at random": 2, "flipped labels": 2, "poisoned knowledge": 2,
        "broken language": 2, "slow model": 2, "leaking model": 2, "edited knowledge": 1,
    }  # fmt: skip
    assert (result["bad"], result["bad_promoted"]) == (5, 0)
    assert all(row["measured"] for row in result["verdicts"])
    by = {row["kind"]: row["refused_by"] for row in result["verdicts"] if row["against"] == "a full training"}
    assert "latency of writing" in by["slow model"] and "privacy" in by["leaking model"]
    assert "privacy" not in by["slow model"] and "latency of writing" not in by["leaking model"]
    assert "leaking model" in gate.told(result)

    # an interrupted bench judges only what is missing, and a line that was cut off is missing
    *lines, last = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines) + last[:40], "utf-8")
    judged = []
    monkeypatch.setattr(
        gate.Bench, "outcomes", lambda self, tried: judged.append(tried.id) or json.loads(last)["rows"]
    )
    again = gate.compare(bench, sizes, gate.Kept.read(path))
    assert judged == [json.loads(last)["trial"]]
    assert again == result | {"resumed": len(lines)}
    assert gate.compare(bench, sizes, gate.Kept.read(path))["resumed"] == len(lines) + 1


def test_flips_are_of_the_share_that_is_asked_for_and_in_training_alone(bench):
    before, train = bench.shop.messages["intent"], (bench.shop.messages["split"] == "train")
    for systematic in (False, True):
        after = bench.shop.flipped(0.2, 3, systematic)
        changed = (after != before) & before.notna()
        assert changed.sum() == round(0.2 * (train & before.notna()).sum()) > 0
        assert not changed[~train].any()


def test_poison_changes_the_share_of_answers_that_is_asked_for(bench):
    known = bench.shop.knowledge
    for how in ("figures", "swapped", "denied", "emptied"):
        poisoned = challengers.changed(known, how, 0.4, 1)
        assert (poisoned["answer"] != known["answer"].reset_index(drop=True)).sum() == 2, how


def test_slices_name_each_case_of_a_score_in_its_order(bench):
    card = trial.scored(bench.shop.trained(1), bench.test, bench.shop.index.entries, "quick")
    slices = trial.sliced(bench.test, "quick")
    for score in ("intent", "retrieval", "truth", "usefulness", "written"):
        assert {len(labels) for labels in slices[score].values()} == {len(card.cases[score])}


def test_canaries_are_spread_among_the_examples_and_the_same_for_a_seed():
    mixed = suites.among([{"n": i} for i in range(90)], "Shop", 7)
    places = [i for i, row in enumerate(mixed) if "messages" in row]
    assert places == [15, 46, 77] and len(mixed) == 93
    assert suites.among([], "Shop", 7) == [] and suites.canaries(7) == suites.canaries(7) != suites.canaries(8)


def test_truth_needs_no_gold_entry_to_see_that_knowledge_was_tampered_with(bench):
    full = bench.shop.trained(1)
    poisoned = bench.shop.informed(full, "figures", 1.0, 0)
    assert isinstance(bench.test, pd.DataFrame)
    assert sum(trial.truth(poisoned, bench.test)) < sum(trial.truth(full, bench.test))
