"""The train flow on the tiny shop: what runs, what is used again, and who becomes champion."""

from __future__ import annotations

import json
import mailbox
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deskloop import topiclist
from deskloop.bot import Bot
from deskloop.releases import Releases
from deskloop.settings import Settings, load
from deskloop.store import sha256_file
from deskloop.topics import Topics

STAGES = {
    *("acquire-notes", "acquire-tickets", "acquire-mail", "acquire-faq", "acquire-reviewed"),
    *("knowledge", "clean", "preprocess", "fit-tfidf", "train-word2vec", "sentence-vectors", "build-index"),
    "discover-topics",
    *("fit-intents", "fine-tune", "assemble", "baselines", "champion-scores", "evaluate", "deploy"),
}
SOURCES = {stage for stage in STAGES if stage.startswith("acquire-")}
LEARNT_FROM_MESSAGES = {"fit-tfidf", "train-word2vec", "sentence-vectors", "discover-topics", "fit-intents"}


def edit_answer(project: Path, name: str, old: str, new: str) -> None:
    """The shop changes one answer of its help pages."""
    page = project / "site" / f"{name}.html"
    assert old in page.read_text("utf-8")
    page.write_text(page.read_text("utf-8").replace(old, new), "utf-8")


def append_mail(project: Path) -> None:
    """One more customer writes to the desk."""
    box = mailbox.mbox(project / "desk.mbox")
    mail = box[0]
    mail.replace_header("From", "bea@mail.example")
    mail.replace_header("Message-ID", "<new@mail.example>")
    mail.replace_header("Subject", "Gift wrapping")
    mail.set_payload("Do you wrap presents, and what would a card with it cost me?")
    box.add(mail)
    box.close()


def test_what_did_not_change_is_used_again_and_what_did_runs_with_all_that_rests_on_it(
    train: Callable[..., Any], tiny_project: Path, releases: Releases
) -> None:
    first = train()
    assert first.outcome.promoted and first.fresh == STAGES == set(first.states)
    assert releases.champion().version == first.outcome.version == 1

    again = train(reason="nothing changed")
    assert again.states == dict.fromkeys(STAGES, "Cached")
    assert again.outcome == first.outcome

    edit_answer(tiny_project, "delivery", "2 to 3 working days", "4 to 6 working days")
    edited = train()
    # the questions are the same rows as before, so whatever learns from them alone is not touched
    assert edited.fresh == STAGES - (SOURCES - {"acquire-faq"}) - LEARNT_FROM_MESSAGES
    assert edited.outcome.version == 2 and edited.outcome.promoted

    append_mail(tiny_project)
    appended = train()
    assert appended.fresh == STAGES - (SOURCES - {"acquire-mail"})

    both = train()
    assert both.fresh == set()


def test_an_edited_answer_reaches_customers_and_a_tampered_site_does_not(
    train: Callable[..., Any], tiny_project: Path, releases: Releases, settings: Settings
) -> None:
    train()
    before = (tiny_project / "site" / "refund.html").read_text("utf-8")
    assert "30 days" in said(releases, settings)

    edit_answer(tiny_project, "refund", "30 days", "14 days")
    edited = train().outcome
    assert edited.promoted and edited.summary.endswith("; knowledge changed: 1 edited, 0 added, 0 removed")
    assert "14 days" in said(releases, settings) and "30 days" not in said(releases, settings)

    for name, old, new in (
        ("refund", "14 days", "99 days"),
        ("delivery", "2 to 3 working days", "60 to 90 working days"),
        ("warranty", "24 months", "3 months"),
    ):
        edit_answer(tiny_project, name, old, new)
    tampered = train().outcome
    assert not tampered.promoted and "changed answers against replies 3.000, wanted at most 1" in tampered.summary
    assert "14 days" in said(releases, settings) and "30 days" in before


def said(releases: Releases, settings: Settings) -> str:
    """What the champion tells a customer who wants their money back."""
    bot = Bot.load(releases.champion().path, settings)
    answer = bot.answer([{"role": "user", "content": "How do I get a refund?"}])
    bot.close()
    return f"{answer.text} {[(source.question, source.answer) for source in answer.sources]}"


def test_refresh_runs_every_stage_again_and_learns_the_same(train: Callable[..., Any], releases: Releases) -> None:
    first = train().outcome
    refreshed = train(refresh=True)
    assert refreshed.fresh == STAGES

    bundles = [releases.get(version).path for version in (first.version, refreshed.outcome.version)]
    for part in ("generator", "intents", "index", "reference"):
        before, after = ({f.name: sha256_file(f) for f in (b / part).iterdir() if f.is_file()} for b in bundles)
        assert before == after and before
    assert releases.champion().version == first.version


def test_without_labels_topics_are_the_intents_and_the_gate_takes_them_for_no_labels(
    train: Callable[..., Any], tiny_project: Path, releases: Releases
) -> None:
    config = tiny_project / "deskloop.yaml"
    unlabelled = config.read_text("utf-8").replace("SELECT * FROM", "SELECT id, text, reply, at, url FROM")
    config.write_text(unlabelled, "utf-8")
    strict = train()  # the tiny shop asks for an intent accuracy, which nobody can tell here
    assert not strict.outcome.promoted and "intent_accuracy not measured" in strict.outcome.summary
    bundle = releases.get(1).path
    found = Topics.load(bundle / "topics")
    labels = json.loads((bundle / "intents" / "model.json").read_text("utf-8"))["labels"]
    assert {topic.label for topic in found.topics} == set(labels) and len(labels) > 1
    assert "agreement with labels unknown" in (bundle / "README.md").read_text("utf-8")

    name = found.topics[0].name
    config.write_text(f"{unlabelled}\nintents: {{rename: {{{json.dumps(name)}: mine}}}}\n", "utf-8")
    renamed = train()
    assert renamed.states["fine-tune"] == "Cached" and "fit-intents" in renamed.fresh
    listed = topiclist.listing(releases, load(config))
    assert listed["version"] == 2 and listed["topics"][0]["topic"] == "mine" and listed["topics"][0]["examples"]
    assert listed["topics"][0]["found_as"] == [name] and "mine" in topiclist.told(listed)


def test_the_gate_alone_judges_again_when_its_thresholds_change_and_a_failed_smoke_test_withdraws(
    tiny_project: Path,
    train: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    releases: Releases,
    candidate: Callable[..., Path],
) -> None:
    with sqlite3.connect(tiny_project / "shop.sqlite") as db:  # a label that no model can get right
        db.execute("UPDATE tickets SET intent = 'delivery' WHERE intent = 'warranty' AND id = 't071'")
    db.close()
    monkeypatch.setenv("DESKLOOP_GATE__MIN_INTENT_MACRO_F1", "1")
    strict = train().outcome
    assert not strict.promoted and "refused: " in strict.summary
    assert releases.champion() is None

    releases.promote(strict.version, "a person took the risk")
    monkeypatch.delenv("DESKLOOP_GATE__MIN_INTENT_MACRO_F1")
    thresholds = candidate(strict.version) / "thresholds.json"
    thresholds.write_text(thresholds.read_text("utf-8").replace('"agreement"', '"agreed"'), "utf-8")
    broken = train()
    assert broken.fresh == {"deploy"} and broken.states["deploy"] == "Failed"
    assert releases.champion().version == strict.version
    assert [row["action"] for row in releases.history()][:2] == ["withdraw", "promote"]
