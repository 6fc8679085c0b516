"""Raw batches become clean, safe and split data, and every row is accounted for."""

import json

import pandas as pd
import pytest

from deskloop import quality, sources
from deskloop.origins import FilesSource, SyntheticSource
from deskloop.prepare import prepare
from deskloop.records import Lineage
from deskloop.settings import Settings, Shop

TOPICS = ["tent", "stove", "boots", "jacket", "rope", "lamp", "bag", "mat", "pole", "cap"]
ASKS = ["Where is the {} I paid for", "May I return my {} to a shop", "The {} came torn, what now", "Is a {} there"]
MAIL_TAIL = "\n\nKind regards,\nAnna\n\nOn 1 May 2025, Shop wrote:\n> Hi"
REPLY = "Hi Anna, see https://shop.example/r/ for it."


def conversation(number, text, **more):
    day = f"2025-{1 + number // 28:02d}-{1 + number % 28:02d}"
    turns = [{"role": "customer", "text": text}, {"role": "agent", "text": REPLY}]
    return {"id": f"c{number}", "turns": turns, "started_at": day, "names": ["Anna Smit"], "intent": "x", **more}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("shop")
    rows = [conversation(i, f"{ASKS[i % 4]} number {TOPICS[i % 10]}{i}?".format(TOPICS[i // 4])) for i in range(40)]
    rows += [
        conversation(60, "My mail is anna@example.com and my name is Anna Smit, call +31 6 1234 5678 please"),
        conversation(61, "waar blijft mijn bestelling? ik wacht al een week"),
        conversation(62, "hello"),
        conversation(63, "", turns=[{"role": "customer", "text": rows[0]["turns"][0]["text"].upper()}]),
        conversation(64, f"Help me with the thing{MAIL_TAIL}", channel="email"),
        conversation(65, "x", turns=[{"role": "bot", "text": "Hi, how can I help?"}]),
        conversation(66, "We bring SEO backlinks, click here, dear friend, our marketing agency"),
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\nbroken")
    entries = [
        {
            "id": "k1",
            "question": "How do I return?",
            "answer": "Within 30 days. Mail returns@shop.example.",
            "url": "https://shop.example/r",
        },
        {"id": "k2", "question": "How do I return?", "answer": "within 30 days. mail returns@shop.example"},
    ]
    (tmp_path / "k.jsonl").write_text("\n".join(map(json.dumps, entries)))
    return Settings(
        home=tmp_path / "home",
        sources=(
            FilesSource(kind="files", name="chats", path=tmp_path / "c.jsonl"),
            FilesSource(kind="files", name="faq", path=tmp_path / "k.jsonl", content="knowledge"),
            SyntheticSource(kind="synthetic", name="grown", grow="chats", per_core=2),
        ),
    )


@pytest.fixture(scope="module")
def prepared(settings):
    return prepare([sources.read(s, settings) for s in settings.sources], settings)


def test_counts_add_up_for_every_source(prepared):
    counts = prepared.counts
    assert counts["read"] == counts["accepted"] + counts["quarantined"] > 0
    for source in counts["sources"].values():
        assert source["read"] == source["accepted"] + source["quarantined"]
    assert sum(counts["reasons"].values()) == counts["quarantined"] == len(prepared.quarantine)


def test_each_refusal_has_its_reason(prepared):
    chats = prepared.quarantine[prepared.quarantine["source"] == "chats"]
    reasons = {r.split(":")[0] for r in chats["reason"]}
    wanted = {"language", "too short", "duplicate", "no customer message", "spam", "not JSON (Expecting value"}
    assert wanted <= reasons
    assert list(prepared.quarantine.loc[prepared.quarantine["source"] == "faq", "reason"]) == ["duplicate"]


def test_nothing_personal_is_left_in_any_frame(prepared):
    everything = prepared.conversations.to_json() + prepared.messages.to_json() + prepared.quarantine.to_json()
    for secret in ("anna@example.com", "Anna", "Smit", "1234 5678"):
        assert secret not in everything
    text = prepared.messages.set_index("conversation_id").loc["c60", "text"]
    assert text == "My mail is <EMAIL_ADDRESS_1> and my name is <PERSON_1>, call <PHONE_NUMBER_1> please"


def test_emails_are_cut_to_what_was_written(prepared):
    assert prepared.messages.set_index("conversation_id").loc["c64", "text"] == "Help me with the thing"


def test_the_article_an_agent_linked_is_the_gold_entry(prepared):
    real = prepared.messages[~prepared.messages["synthetic"]]
    assert set(real["knowledge_id"]) == {"k1"}
    assert set(real["reply"]) == {"Hi, see https://shop.example/r/ for it."}
    assert prepared.counts["entry_named"] >= len(real) and not prepared.counts["entry_quoted"]


def test_a_reply_that_quotes_an_entry_names_it_where_nobody_else_did(tmp_path):
    answer = "Wash down at 30 degrees and dry it with two tennis balls."
    said = [("May I wash my sleeping bag?", f"Hello! {answer}"), ("Is the bag waterproof?", "I ask my colleague.")]
    rows = [
        {"id": f"c{n}", "turns": [{"role": "customer", "text": asked}, {"role": "agent", "text": reply}]}
        for n, (asked, reply) in enumerate(said)
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "k.jsonl").write_text(json.dumps({"id": "wash", "question": "Washing down?", "answer": answer}))
    shop = Settings(
        home=tmp_path,
        sources=(
            FilesSource(kind="files", name="chats", path=tmp_path / "c.jsonl"),
            FilesSource(kind="files", name="faq", path=tmp_path / "k.jsonl", content="knowledge"),
        ),
    )
    found = prepare([sources.read(s, shop) for s in shop.sources], shop)
    assert found.messages.set_index("conversation_id")["knowledge_id"].dropna().to_dict() == {"c0": "wash"}
    assert (found.counts["entry_named"], found.counts["entry_quoted"]) == (0, 1)


def test_nothing_synthetic_is_held_out_and_no_core_is_parted(prepared):
    messages = prepared.messages
    held = messages[messages["split"] != "train"]
    assert len(held) > 5 and not held["synthetic"].any()
    assert not set(messages.loc[messages["synthetic"], "core_id"]) & set(held["conversation_id"])


def test_preparing_twice_gives_the_same(prepared, settings):
    again = prepare([sources.read(s, settings) for s in settings.sources], settings)
    assert again.counts == prepared.counts
    assert again.messages.equals(prepared.messages)


def test_a_real_message_is_never_dropped_for_a_synthetic_one(tmp_path):
    asked = "Is the green tent big enough for three people?"
    grown = {"id": "a", "text": asked, "intent": "x", "synthetic": True, "core_id": "other", "knowledge_url": "u"}
    turns = [
        {"role": r, "text": t} for r, t in [("customer", asked), ("agent", "Two only"), ("customer", "And the red?")]
    ]
    path = tmp_path / "c.jsonl"
    path.write_text("\n".join(map(json.dumps, [grown, {"id": "b", "turns": turns}])))
    settings = Settings(home=tmp_path, sources=(FilesSource(kind="files", name="s", path=path),))
    found = prepare([sources.read(settings.sources[0], settings)], settings)
    assert list(found.messages["conversation_id"]) == ["b"]


def test_frames_survive_parquet(prepared, tmp_path):
    for frame in (prepared.conversations, prepared.messages, prepared.knowledge, prepared.quarantine):
        frame.to_parquet(tmp_path / "x.parquet")
        assert len(pd.read_parquet(tmp_path / "x.parquet")) == len(frame)


def test_contracts_set_broken_rows_aside_with_a_reason():
    lineage = Lineage(source="s", locator="1", sha256="0").model_dump()
    frame = pd.DataFrame(
        [
            {
                "id": i,
                "source": "s",
                "channel": c,
                "language": "en",
                "turns": t,
                "synthetic": False,
                "split": "train",
                "lineage": lineage,
            }
            for i, c, t in [
                ("a", "chat", [{"role": "customer", "text": "hi"}]),
                ("b", "", [{"role": "customer", "text": "hi"}]),
                ("c", "chat", [{"role": "bot", "text": "hi"}]),
            ]
        ]
    )
    good, bad = quality.check(frame, quality.conversations)
    assert (list(good["id"]), sorted(bad["id"])) == (["a"], ["b", "c"])
    assert all(bad["reason"].str.startswith("contract "))


def test_no_data_at_all_gives_empty_frames(tmp_path):
    empty = prepare([], Settings(home=tmp_path))
    assert (empty.counts["read"], len(empty.messages), len(empty.quarantine)) == (0, 0, 0)


def test_each_language_goes_where_the_shop_says(tmp_path):
    asked = {
        "en": "Where is the tent I paid for two weeks ago?",
        "nl": "waar blijft mijn bestelling? ik wacht al een week",
        "de": "wo bleibt meine Bestellung? ich warte schon eine Woche",
    }
    path = tmp_path / "c.jsonl"
    path.write_text("\n".join(json.dumps({"id": code, "text": text}) for code, text in asked.items()))
    source = FilesSource(kind="files", name="s", path=path, content="messages")
    settings = Settings(home=tmp_path, sources=(source,), shop=Shop(languages={"en": "keep", "nl": "route"}))
    found = prepare([sources.read(source, settings)], settings)
    assert set(found.conversations["id"]) == {"en", "nl"} and list(found.messages["conversation_id"]) == ["en"]
    assert list(found.quarantine["reason"]) == ["language:de"]
    assert found.counts["routed"] == 1 and found.counts["languages"] == {"en": 1, "nl": 1}
