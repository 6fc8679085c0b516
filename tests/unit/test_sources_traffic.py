"""What people said of the bot's conversations comes back for training; what the bot alone said does not."""

from __future__ import annotations

import pytest

from deskloop import sources
from deskloop.database import connect
from deskloop.origins import TrafficSource
from deskloop.prepare import prepare
from deskloop.records import Answer
from deskloop.settings import Settings
from deskloop.traffic import Traffic

SOURCE = TrafficSource(kind="traffic", name="reviewed")
UNSURE = Answer(text="I pass this on", kind="handoff", intent="returns", confidence=0.2)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def settings(request, tmp_path):
    """A home folder, its traffic on a real database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    return Settings(home=tmp_path, database_url=url)


def said(traffic, conversation, text):
    return traffic.record(conversation, text, UNSURE, UNSURE.text, channel="web", version=1)


def test_reviews_human_replies_and_thumbs_come_back(settings):
    traffic = Traffic(connect(settings.database))
    question, answer = said(traffic, "judged", "Can the tent go back?")
    traffic.review(question, intent="return_item", reply="Within 30 days.", knowledge_url="https://x.example/r")
    traffic.thumb(answer, 1)
    said(traffic, "helped", "Is the stove in stock?")
    traffic.say("helped", "agent", "Yes, three are left.")
    _, poor = said(traffic, "helped", "And the lamp?")
    traffic.thumb(poor, -1)
    said(traffic, "alone", "Nobody looked at this one")

    batch = sources.read(SOURCE, settings)
    assert batch.read == len(batch.conversations) == 2 and not batch.quarantined
    judged, helped = batch.conversations
    assert (judged.intent, judged.knowledge_url, judged.outcome) == ("return_item", "https://x.example/r", "good")
    assert [t.text for t in judged.turns if t.role == "agent"] == ["Within 30 days."]
    assert helped.outcome == "bad" and helped.intent is None
    assert [t.text for t in helped.turns if t.role == "agent"] == ["Yes, three are left."]
    assert "Nobody looked" not in str(batch)


def test_a_reply_approved_for_everybody_is_an_entry_that_its_question_rests_on(settings):
    traffic = Traffic(connect(settings.database))
    question, _ = said(traffic, "first", "Do you rent out bear boxes?")
    traffic.review(question, intent="product_information", reply="Yes, for 5 euro a week.")
    traffic.approve(question, True)
    batch = sources.read(SOURCE, settings)
    (entry,) = batch.knowledge
    assert (entry.question, entry.answer) == (
        "Do you rent out bear boxes?",
        "Yes, for 5 euro a week.",
    )
    assert batch.read == 2
    prepared = prepare([batch], settings)
    assert prepared.messages["knowledge_id"].tolist() == [entry.id] == prepared.knowledge["id"].tolist()
    traffic.approve(question, False)
    assert not sources.read(SOURCE, settings).knowledge


def test_a_reviewed_conversation_is_not_taken_a_second_time_for_its_reply(settings):
    traffic = Traffic(connect(settings.database))
    question, _ = said(traffic, "both", "Can the tent go back?")
    traffic.say("both", "agent", "Yes.")
    traffic.review(question, intent="return_item")
    assert [c.intent for c in sources.read(SOURCE, settings).conversations] == ["return_item"]


def test_the_fingerprint_follows_reviews_replies_and_thumbs(settings):
    traffic = Traffic(connect(settings.database))
    question, answer = said(traffic, "a", "Can the tent go back?")
    seen = [sources.fingerprint(SOURCE, settings)]
    for change in (
        lambda: traffic.say("a", "agent", "Yes."),
        lambda: traffic.thumb(answer, 1),
        lambda: traffic.review(question, intent="return_item"),
    ):
        change()
        seen.append(sources.fingerprint(SOURCE, settings))
    assert len(set(seen)) == 4
