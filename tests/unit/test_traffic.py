"""What was said is kept in order, with its verdicts. On both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deskloop import courtesy
from deskloop import database as db
from deskloop.errors import BadInput
from deskloop.records import Answer, Source
from deskloop.takeovers import Takeovers
from deskloop.traffic import Traffic

SOURCE = Source(id="k1", question="q", answer="a", url="https://shop.example/k1", score=0.8)
SURE = Answer(text="a", kind="retrieve", intent="returns", confidence=0.9, sources=(SOURCE,), latency_ms=12.0)
UNSURE = Answer(text="later", kind="handoff", intent="out_of_scope", confidence=0.1, reason="not sure enough")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def traffic(request: pytest.FixtureRequest, tmp_path: Path) -> Traffic:
    """An empty traffic store."""
    here = f"sqlite:///{tmp_path}/a.db"
    return Traffic(db.connect(request.getfixturevalue("postgres_url") if request.param == "postgres" else here))


def said(traffic: Traffic, conversation: str, text: str, answer: Answer = SURE) -> tuple[str, str]:
    return traffic.record(conversation, text, answer, answer.text, channel="web", version=3, scope=0.7)


def test_a_conversation_reads_in_order_with_what_the_model_thought(traffic: Traffic) -> None:
    said(traffic, "one", "first")
    said(traffic, "two", "elsewhere")
    said(traffic, "one", "second", UNSURE)
    traffic.say("one", "agent", "I am here")
    rows = traffic.conversation("one")
    assert [r["text"] for r in rows] == ["first", "a", "second", "later", "I am here"]
    assert [r["role"] for r in rows] == ["customer", "bot", "customer", "bot", "agent"]
    assert rows[1]["sources"] == [{"id": "k1", "question": "q", "url": "https://shop.example/k1", "score": 0.8}]
    assert rows[0]["scope"] == 0.7 and rows[2]["intent"] == "out_of_scope" and rows[0]["model_version"] == 3


def test_a_handed_over_customer_waits_until_a_colleague_replies(traffic: Traffic) -> None:
    said(traffic, "calm", "hello")
    said(traffic, "stuck", "help", UNSURE)
    said(traffic, "calm", "thanks")
    states = {r["id"]: (r["handed_over"], bool(r["waiting"]), r["messages"]) for r in traffic.recent()}
    assert states == {"calm": (False, False, 4), "stuck": (True, True, 2)}
    latest = [(r["id"], r["text"]) for r in traffic.recent()]
    assert latest == [("calm", "thanks"), ("stuck", "help")], "the last to be active comes first"
    traffic.say("stuck", "agent", "on it")
    assert [bool(r["waiting"]) for r in traffic.recent(handed_over=True)] == [False]
    said(traffic, "stuck", "still there?", UNSURE)
    assert [bool(r["waiting"]) for r in traffic.recent(handed_over=True)] == [True]


def test_who_was_hacked_comes_first_as_long_as_they_wait(traffic: Traffic) -> None:
    said(traffic, "hacked", "my account was hacked", UNSURE.model_copy(update={"reason": courtesy.MISUSED}))
    said(traffic, "later", "help", UNSURE)
    said(traffic, "calm", "hello")
    assert [(r["id"], bool(r["urgent"])) for r in traffic.recent()] == [
        ("hacked", True), ("calm", False), ("later", False),
    ]  # fmt: skip
    traffic.say("hacked", "agent", "we have locked it")
    said(traffic, "later", "and?", UNSURE)
    first = traffic.recent()[0]
    assert (first["id"], bool(first["urgent"])) == ("later", False)


def test_a_customer_whom_an_offered_answer_helped_waits_no_longer(traffic: Traffic) -> None:
    said(traffic, "stuck", "help", UNSURE.model_copy(update={"suggestions": (SOURCE,)}))
    assert traffic.conversation("stuck")[1]["sources"][0]["question"] == "q", "the colleague sees what was offered"
    _, answer = said(traffic, "stuck", "q")
    assert traffic.recent()[0]["waiting"]
    traffic.thumb(answer, 1)
    assert not traffic.recent()[0]["waiting"] and traffic.recent()[0]["messages"] == 4
    said(traffic, "stuck", "and one more thing", UNSURE)
    assert traffic.recent()[0]["waiting"]


def test_only_a_reply_that_is_nobodys_own_can_be_for_everybody(traffic: Traffic) -> None:
    asked, _ = said(traffic, "one", "can I rent a tent?", UNSURE)
    with pytest.raises(BadInput, match="write the answer"):
        traffic.approve(asked, True)
    traffic.review(asked, intent=None, reply="Call <PERSON_1>.")
    with pytest.raises(BadInput, match="somebody's own data"):
        traffic.approve(asked, True)
    traffic.review(asked, intent=None, reply="Yes, in Ghent.")
    traffic.approve(asked, True)
    traffic.approve(asked, True)
    assert [row["approved"] for row in traffic.reviewed()] == [True]
    assert traffic.forget(["one"])["approvals"] == 1 and not traffic.reviewed()


def test_replies_are_given_once_by_the_id_of_the_last(traffic: Traffic) -> None:
    said(traffic, "one", "help", UNSURE)
    first, second = traffic.say("one", "agent", "1"), traffic.say("one", "agent", "2")
    assert [r["id"] for r in traffic.replies("one")] == [first, second]
    assert traffic.replies("unknown") == []


def test_nobody_speaks_in_a_conversation_that_does_not_exist(traffic: Traffic) -> None:
    with pytest.raises(BadInput, match="no conversation nope"):
        traffic.say("nope", "agent", "hello?")


def test_the_last_thumb_counts_also_when_many_come_at_once(traffic: Traffic) -> None:
    _, answered = said(traffic, "one", "first")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: traffic.thumb(answered, 1 if n % 2 else -1), range(16)))
    traffic.thumb(answered, -1, "wrong")
    counts = traffic.counts()
    assert (counts["thumbs_up"], counts["thumbs_down"]) == (0, 1)
    with pytest.raises(BadInput, match="no message nope"):
        traffic.thumb("nope", 1)


def test_reviews_come_back_for_training_the_last_word_winning(traffic: Traffic) -> None:
    asked, _ = said(traffic, "one", "where is it")
    traffic.review(asked, intent="returns")
    traffic.review(asked, intent="delivery", reply="Tomorrow.", knowledge_url="https://shop.example/k2")
    (row,) = traffic.reviewed()
    assert (row["text"], row["intent"], row["reply"]) == ("where is it", "delivery", "Tomorrow.")
    assert traffic.intents() == ["delivery", "returns"]


def test_the_window_holds_the_latest_modelled_messages_since_a_moment(traffic: Traffic) -> None:
    for n in range(5):
        said(traffic, "one", f"m{n}")
    traffic.say("one", "customer", "nobody answered this")
    assert [r["text"] for r in traffic.window(3)] == ["m2", "m3", "m4"]


def test_one_conversation_opened_by_many_at_once_is_one(traffic: Traffic) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: said(traffic, "one", f"m{n}"), range(16)))
    assert traffic.counts()["conversations"] == 1 and traffic.counts()["messages"] == 16


def test_drift_checks_are_kept_newest_first(traffic: Traffic) -> None:
    traffic.drift("none", {"summary": "calm"}, 3)
    traffic.drift("drift", {"summary": "new words"}, 3)
    assert [r["verdict"] for r in traffic.drift_history()] == ["drift", "none"]
    assert abs((db.now() - traffic.drift_history()[0]["at"]).total_seconds()) < 60


def test_what_is_forgotten_is_gone_with_all_that_hangs_on_it_and_from_the_file(traffic: Traffic) -> None:
    asked, answered = said(traffic, "one", "Zanzibar is my secret word")
    traffic.review(asked, intent="returns", reply="fine")
    traffic.thumb(answered, 1)
    said(traffic, "two", "stays")
    Takeovers(traffic.engine).join("one")
    traffic.approve(asked, True)
    gone = {"feedback": 1, "reviews": 1, "approvals": 1, "messages": 2, "takeovers": 1, "conversations": 1}
    assert traffic.forget(["one"]) == gone
    assert [text for _, text in traffic.texts()] == ["stays", "a"]
    if path := traffic.engine.url.database if traffic.engine.dialect.name == "sqlite" else None:
        left = [p.read_bytes() for p in Path(path).parent.glob(f"{Path(path).name}*")]
        assert left and not [data for data in left if b"Zanzibar" in data]


def test_a_colleague_joins_leaves_and_comes_back(traffic: Traffic) -> None:
    takeovers = Takeovers(traffic.engine)
    said(traffic, "one", "help")
    with pytest.raises(BadInput, match="there is no conversation two"):
        takeovers.join("two")
    for closed, state in ((False, "released"), (True, "closed")):
        takeovers.join("one")
        takeovers.join("one")
        assert takeovers.state("one") == "joined"
        (row,) = traffic.recent(handed_over=True)
        assert row["joined"]
        takeovers.leave("one", closed)
        assert takeovers.state("one") == state and traffic.recent(handed_over=True) == []
        with pytest.raises(BadInput, match="no colleague is in conversation one"):
            takeovers.leave("one", closed)
