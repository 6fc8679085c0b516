"""A look at live traffic takes the champion's own messages, the latest window of them."""

import numpy as np
import pytest

from deskloop import drift, watch
from deskloop.database import connect
from deskloop.features.tiny import TinyEncoder
from deskloop.records import Answer
from deskloop.releases import Releases
from deskloop.settings import Monitor, Settings
from deskloop.traffic import Traffic

QUESTIONS = [f"where is my {word} order number {n}" for n in range(40) for word in ("last", "big", "tent")]


@pytest.fixture
def engine(tmp_path):
    return connect(f"sqlite:///{tmp_path / 'd.db'}")


@pytest.fixture
def champion(engine, tmp_path):
    encoder = TinyEncoder(dimension=16)
    encoder.save(tmp_path / "bundle" / "encoder")
    count = len(QUESTIONS)
    seen = drift.sample(QUESTIONS, encoder.encode(QUESTIONS), ["track"] * count, [0.9] * count, ["retrieve"] * count)
    seen.save(tmp_path / "bundle" / "reference")
    releases = Releases(engine)
    version = releases.register(tmp_path / "bundle", "a" * 64, verdict={}, metrics={}, reason="test").version
    releases.promote(version, "test")
    return releases.champion()


def serve(traffic: Traffic, texts: list[str], version: int, kind: str = "retrieve") -> None:
    for text in texts:
        answer = Answer(text="Soon.", kind=kind, intent="track", confidence=0.9)
        traffic.record("c1", text, answer, "Soon.", channel="web", version=version)


SETTINGS = Settings(monitor=Monitor(window=50, min_window=40))


def test_without_a_champion_nothing_is_decided(engine):
    outcome, _, live = watch.check(None, Traffic(engine), 50, SETTINGS)
    assert (outcome.verdict, len(live)) == ("undetermined", 0)


def test_only_what_this_champion_answered_counts(engine, champion):
    traffic = Traffic(engine)
    serve(traffic, QUESTIONS[:60], champion.version)
    serve(traffic, ["solar panels on the roof"] * 20, champion.version + 1)
    serve(traffic, ["thanks a lot"] * 20, champion.version, kind="smalltalk")
    outcome, reference, live = watch.check(champion, traffic, 50, SETTINGS)
    assert (len(reference), len(live)) == (len(QUESTIONS), 50)
    assert outcome.verdict == "none", outcome.summary
    assert np.allclose(np.linalg.norm(live.vectors, axis=1), 1, atol=1e-5)


def test_other_questions_are_drift(engine, champion):
    traffic = Traffic(engine)
    serve(traffic, [f"solar roof panel kit {n} with battery" for n in range(50)], champion.version)
    assert watch.check(champion, traffic, 50, SETTINGS)[0].verdict == "drift"
