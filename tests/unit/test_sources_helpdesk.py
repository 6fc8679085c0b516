"""Help-desk exports load to the turns that customer and desk exchanged, and nothing else."""

import gzip
import json
import os
import tempfile
import tracemalloc
from pathlib import Path

import pytest

from deskloop import sources
from deskloop.origins import HelpdeskSource
from deskloop.settings import Settings
from deskloop.sources.jsons import beside

DATA = os.environ.get("DESKLOOP_PUBLIC_DATA")


def load(path, form, tmp_path):
    source = HelpdeskSource(kind="helpdesk", name="desk", path=path, format=form)
    return sources.read(source, Settings(home=tmp_path / "home"))


@pytest.mark.public_data
@pytest.mark.skipif(not DATA, reason="DESKLOOP_PUBLIC_DATA is not set")
@pytest.mark.parametrize("form", ["zendesk_chat", "intercom", "chatwoot"])
def test_the_public_exports_load_exactly(form, tmp_path):
    folder = Path(DATA or "") / "export_formats"
    with gzip.open(folder / "expected_dev.jsonl.gz", "rt") as stream:
        wanted = [json.loads(line)["turns"] for line in stream]
    batch = load(folder / f"{form}_dev.json.gz", form, tmp_path)
    assert [[{"role": t.role, "text": t.text} for t in c.turns] for c in batch.conversations] == wanted


def chat(**more):
    said = [
        ("chat.memberjoin", "Visitor", None, {}),
        ("chat.msg", "Agent", "It is on its way", {"timestamp": "2025-05-01T09:03:00Z"}),
        ("chat.msg", "Visitor", "Where is LF-1 &amp; LF-2?", {"timestamp": "2025-05-01T09:01:00Z"}),
        ("chat.msg", "Trigger", "Hi! A colleague will be with you", {"timestamp": "2025-05-01T09:00:00Z"}),
        ("chat.msg", "Agent", "customer is rude", {"timestamp": "2025-05-01T09:02:00Z", "private": True}),
    ]
    history = [{"type": k, "sender_type": s, "msg": m, "name": s, **x} for k, s, m, x in said]
    return {"id": "1", "type": "chat", "timestamp": "2025-05-01T09:00:00Z", "history": history,
            "visitor": {"name": "Anna Smit", "email": "Anna@example.com"}, **more}  # fmt: skip


def test_turns_are_in_order_without_notes(tmp_path):
    path = tmp_path / "chats.json"
    extra = {"tags": ["shipping", "intent:track_order"], "custom": {"article_url": "https://x/t", "core_id": "t-1"}}
    path.write_text(json.dumps([chat(**extra)]))
    (found,) = load(path, "zendesk_chat", tmp_path).conversations
    assert [(t.role, t.text) for t in found.turns] == [
        ("bot", "Hi! A colleague will be with you"),
        ("customer", "Where is LF-1 & LF-2?"),
        ("agent", "It is on its way"),
    ]
    assert (found.intent, found.knowledge_url, found.core_id) == ("track_order", "https://x/t", "t-1")
    assert found.names == ("Anna Smit",)
    assert "anna" not in str(found.customer).lower()


def test_a_truncated_export_keeps_the_whole_conversations(tmp_path):
    text = json.dumps([chat(), chat(id="2"), chat(id="3")])
    path = tmp_path / "chats.json"
    path.write_text(text[:-200])
    batch = load(path, "zendesk_chat", tmp_path)
    assert [c.id for c in batch.conversations] == ["1", "2"]
    assert batch.read == 3


def test_what_is_no_conversation_is_set_aside(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('[{"id": 1}, 5, {"type": "conversation", "id": "1", "conversation_parts": []}]')
    for form in ("zendesk_chat", "intercom", "chatwoot"):
        batch = load(path, form, tmp_path)
        assert (batch.read, len(batch.quarantined)) == (3, 3)


ZENDESK = {
    "id": 7, "requester_id": 1, "status": "solved", "subject": "Parcel", "created_at": "2025-05-01T09:00:00Z",
    "via": {"channel": "email"},
    "users": [{"id": 1, "name": "Anna Smit", "email": "a@example.com", "role": "end-user"}],
    "comments": [
        {"author_id": 9, "public": True, "body": "It is on its way", "created_at": "2025-05-01T09:05:00Z"},
        {"author_id": 1, "public": True, "body": "Where is my parcel?", "created_at": "2025-05-01T09:00:00Z"},
        {"author_id": 9, "public": False, "body": "rude", "created_at": "2025-05-01T09:03:00Z"},
    ],
}  # fmt: skip
FRESHDESK = {
    "id": 7, "requester_id": 1, "status": 4, "source": 1, "created_at": "2025-05-01T09:00:00Z", "subject": "Parcel",
    "requester": {"name": "Anna Smit", "email": "a@example.com"}, "description_text": "Where is my parcel?",
    "conversations": [
        {"incoming": False, "private": True, "body_text": "rude", "created_at": "2025-05-01T09:03:00Z"},
        {"incoming": False, "private": False, "body_text": "It is on its way", "created_at": "2025-05-01T09:05:00Z"},
    ],
}  # fmt: skip


@pytest.mark.parametrize(("form", "ticket"), [("zendesk", ZENDESK), ("freshdesk", FRESHDESK)])
def test_tickets_load_without_private_notes(form, ticket, tmp_path):
    path = tmp_path / "tickets.json"
    path.write_text(json.dumps({"tickets": [ticket, {"id": 8}, 5]}))
    batch = load(path, form, tmp_path)
    (found,) = batch.conversations
    assert [(t.role, t.text) for t in found.turns] == [
        ("customer", "Where is my parcel?"), ("agent", "It is on its way"),
    ]  # fmt: skip
    assert (found.channel, found.names, batch.read, len(batch.quarantined)) == ("email", ("Anna Smit",), 3, 2)


def test_users_side_loaded_with_tickets_tell_customer_from_agent_and_are_redacted(tmp_path):
    ticket = {k: v for k, v in ZENDESK.items() if k != "users"}
    users = [
        {"id": 1, "name": "Anna Smit", "email": "a@example.com", "role": "end-user"},
        {"id": 9, "name": "Bo Berg", "role": "agent"},
        {"id": 5, "name": "Cas Smit", "role": "end-user"},
        {"id": 6, "name": "May Other", "role": "end-user"},
    ]
    said = [(1, "Where is it?"), (9, "On its way, says Bo"), (5, "I am her brother, it came")]
    comments = [
        {"author_id": who, "body": text, "created_at": f"2025-05-01T09:0{minute}:00Z"}
        for minute, (who, text) in enumerate(said)
    ]
    path = tmp_path / "tickets.json"
    page = {"tickets": [{**ticket, "comments": comments}], "users": users, "count": 1}
    path.write_text(json.dumps({"tickets": [], "users": users[:1]}) + "\n" + json.dumps(page, indent=1))
    (found,) = load(path, "zendesk", tmp_path).conversations
    assert [t.role for t in found.turns] == ["customer", "agent", "customer"]
    assert found.names == ("Anna Smit", "Bo Berg", "Cas Smit")
    alone = tmp_path / "alone.json"
    alone.write_text(json.dumps([{**ticket, "comments": comments, "users": users}]))
    assert load(alone, "zendesk", tmp_path).conversations[0].customer == found.customer


def test_one_file_that_cannot_be_read_costs_that_file_alone():
    ticket = {"id": 1, "requester_id": 7, "created_at": "2026-03-04T10:00:00Z", "description": "Where is my order?"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "pages"
        folder.mkdir()
        (folder / "good.json").write_text(json.dumps({"tickets": [ticket], "users": [{"id": 7, "role": "end-user"}]}))
        (folder / "broken.json.gz").write_bytes(b"no gzip at all")
        (folder / "secret.json").write_text("{}")
        (folder / "secret.json").chmod(0)
        Path(name).chmod(0o755)
        load(folder, "zendesk", Path(name))  # writes the key that customers are hashed with
        me = os.geteuid()
        if me == 0:
            os.seteuid(65534)  # root may read all
        try:
            batch = load(folder, "zendesk", Path(name))
        finally:
            os.seteuid(me)
    assert [c.id for c in batch.conversations] == ["1"]
    told = {row.locator.partition(":")[0]: row.reason for row in batch.quarantined}
    assert (
        set(told) == {"broken.json.gz", "secret.json"} and told["secret.json"] == "cannot be read: Permission denied"
    )
    assert batch.read == 1 + len(batch.quarantined)


def test_side_loaded_users_are_found_behind_more_tickets_than_memory_would_hold(tmp_path):
    path = tmp_path / "export.json"
    with path.open("w") as out:
        out.write('{"count": 1, "next": {"users": [{"id": 9}]}, "tickets": [')
        out.writelines(json.dumps({"id": n, "description": "x" * 50_000}) + "," for n in range(400))
        out.write('{"id": 400}], "users": [{"id": 7, "name": "Anna"}, 5], "more": null}\n[{"id": 1}]\n')
        out.write('{"users": [{"id": 8}]}')
    tracemalloc.start()
    found = list(beside(path, "users"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [{"id": 7, "name": "Anna"}, {"id": 8}]
    assert peak < path.stat().st_size / 4
