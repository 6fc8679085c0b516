"""Grown messages are marked, traceable, varied and repeatable."""

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest
from pydantic import SecretStr

from deskloop import sources
from deskloop.errors import BadInput
from deskloop.origins import FilesSource, SyntheticSource
from deskloop.prepare import prepare
from deskloop.settings import Settings
from deskloop.sources.synthetic import grow


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "m.jsonl"
    rows = [
        {"id": "a", "text": "Where is my order LF-123456?", "intent": "track_order", "reply": "On its way"},
        {"id": "b", "text": "Can I return these boots, please?", "intent": "return_item"},
        {"id": "c", "text": "No label here at all"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    real = FilesSource(kind="files", name="real", path=path, content="messages")
    grown = SyntheticSource(kind="synthetic", name="grown", grow="real", per_core=4)
    return Settings(home=tmp_path, sources=(real, grown))


def test_each_labelled_core_grows_and_is_remembered(settings):
    batch = sources.read(settings.sources[1], settings)
    assert {(c.core_id, c.intent) for c in batch.conversations} == {("a", "track_order"), ("b", "return_item")}
    assert all(c.synthetic for c in batch.conversations)
    assert len(batch.conversations) == 8


def test_the_same_seed_grows_the_same(settings):
    once, twice = (sources.read(settings.sources[1], settings).conversations for _ in range(2))
    assert once == twice
    assert grow("Where is my parcel, please?", 5, "1") != grow("Where is my parcel, please?", 5, "2")


def test_variants_differ_from_the_core_and_from_each_other():
    variants = grow("Can I return the damaged jacket I bought on Monday?", 20, "x")
    assert len({v.lower() for v in variants}) == 20
    assert "Can I return the damaged jacket I bought on Monday?" not in variants


def talk(settings, *turns):
    """A labelled chat as its synthetic children: (what the customer says, the reply)."""
    row = {"id": "t", "intent": "track_order", "turns": [{"role": r, "text": t} for r, t in turns]}
    path = settings.sources[0].path.with_name("talks.jsonl")
    path.write_text(json.dumps(row))
    real = FilesSource(kind="files", name="real", path=path, content="conversations")
    grown = settings.sources[1].model_copy(update={"per_core": 8})
    found = sources.read(grown, settings.model_copy(update={"sources": (real, grown)})).conversations
    return [(c.turns[0].text, c.turns[1].text if len(c.turns) > 1 else "") for c in found]


def test_a_chat_that_opens_with_a_greeting_grows_its_question(settings):
    hello = ("customer", "hi"), ("agent", "Hello, how can I help you?")
    found = talk(settings, *hello, ("customer", "Where is my parcel with the tent?"), ("agent", "It is on its way."))
    assert len(found) == 8
    assert all(len(text.split()) >= 5 for text, _ in found)
    assert {reply for _, reply in found} == {"It is on its way."}


def test_a_grown_order_number_stands_in_the_reply_too(settings):
    asked = "Where is order LF-123456? I ordered on Monday, once more: LF-123456 and not LF-777777."
    replied = "LF-123456 left on Monday, LF-777777 did not; call 1234567 for more."
    for text, reply in talk(settings, ("customer", asked), ("agent", replied)):
        one, again, other = re.findall(r"\d{6}", text)
        assert one == again != "123456" and other != "777777"
        assert reply == f"LF-{one} left on Monday, LF-{other} did not; call 1234567 for more."
        assert "monday" in text.lower()


def test_the_fingerprint_is_that_of_the_grown_source(settings):
    first = sources.fingerprint(settings.sources[1], settings)
    path = settings.sources[0].path
    path.write_text(path.read_text() + "\n" + json.dumps({"text": "One more question", "intent": "x"}))
    assert first != sources.fingerprint(settings.sources[1], settings)


def test_nothing_labelled_is_told(settings):
    settings.sources[0].path.write_text('{"text": "No label here"}')
    with pytest.raises(BadInput, match="no labelled messages"):
        sources.read(settings.sources[1], settings)


def kinds(settings, **changed):
    grown = settings.sources[1].model_copy(update=changed)
    settings = settings.model_copy(update={"sources": (settings.sources[0], grown)})
    return sources.read(grown, settings).conversations


def test_mixed_languages_keep_the_label(settings):
    mixed = [c for c in kinds(settings, code_switch=("de",)) if c.id.endswith("-mixed")]
    assert {(c.core_id, c.intent, c.synthetic) for c in mixed} == {
        ("a", "track_order", True), ("b", "return_item", True),
    }  # fmt: skip
    said = {c.core_id: c.turns[0].text for c in mixed}
    assert "Bestellung LF-123456" in said["a"] and ("Stiefel" in said["b"] or "bitte" in said["b"])


def test_hard_negatives_look_alike_and_are_labelled_as_out_of_scope(settings):
    found = [c for c in kinds(settings, hard_negatives=3) if c.intent == "out_of_scope"]
    assert len(found) == 6 and {c.core_id for c in found} == {"a", "b"}
    assert all(c.synthetic and c.outcome == "hard negative" and c.knowledge_url is None for c in found)
    assert all(len(c.turns) == 1 for c in found), "a look-alike must not teach the core's reply"
    asked = [c.turns[0].text for c in found if c.core_id == "a"]
    assert all(t.startswith("Where is my ") and "order" not in t and "LF-" not in t for t in asked)


def test_nothing_synthetic_of_any_kind_is_held_out(tmp_path):
    things = ("tent", "jacket", "stove", "boots", "parcel", "backpack")
    asked = ("Where is the {} I ordered, please?", "Can I return my {} for a refund?", "Is the {} still in stock?")
    rows = [
        {"id": f"{i}-{n}", "text": a.format(t), "intent": f"i{i}", "at": f"2026-0{i + 1}-{n + 1:02d}"}
        for i, a in enumerate(asked)
        for n, t in enumerate(things)
    ]
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    real = FilesSource(kind="files", name="real", path=path, content="messages")
    more = {"per_core": 3, "code_switch": ("nl", "fr"), "hard_negatives": 2}
    grown = SyntheticSource(kind="synthetic", name="grown", grow="real", **more)
    settings = Settings(home=tmp_path, sources=(real, grown))
    prepared = prepare([sources.read(s, settings) for s in settings.sources], settings)
    messages = prepared.messages
    held = messages[messages["split"] != "train"]
    assert len(held) and not held["synthetic"].any()
    trained = messages[messages["synthetic"]]
    assert {"out_of_scope"} < set(trained["intent"]) and not set(trained["core_id"]) & set(held["id"].str[:-2])


class Rewriter(BaseHTTPRequestHandler):
    """A server that speaks chat completions; its first answer is 503."""

    prompts: ClassVar[list[str]] = []
    failed: ClassVar[bool] = False

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not Rewriter.failed:
            Rewriter.failed = True
            self.send_response(503)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        ok = self.path == "/v1/chat/completions" and self.headers["authorization"] == "Bearer s3cret"
        prompt = body["messages"][0]["content"]
        Rewriter.prompts.append(prompt)
        said = prompt.splitlines()[-1]
        content = f'1. Well, {said}\n2. {said}\n- "So: {said}"\n\n{"long " * 400}\n3) Third {said}'
        data = json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()
        self.send_response(200 if ok else 401)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def rewriter():
    Rewriter.prompts, Rewriter.failed = [], False
    server = ThreadingHTTPServer(("127.0.0.1", 0), Rewriter)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_a_server_rewrites_each_message_once_and_sees_nothing_personal(settings, rewriter):
    path = settings.sources[0].path
    more = {"id": "d", "text": "Mail me at ann@mail.example, where is it?", "intent": "track_order"}
    path.write_text(path.read_text() + "\n" + json.dumps(more))
    by_server = {"url": rewriter, "per_core": 2, "key": SecretStr("s3cret")}
    found = kinds(settings, **by_server)
    assert all(c.synthetic and c.intent for c in found) and len(found) == 6
    assert [c.turns[0].text for c in found if c.core_id == "b"] == [
        "Well, Can I return these boots, please?", "So: Can I return these boots, please?",
    ]  # fmt: skip
    assert len(Rewriter.prompts) == 3 and "ann@" not in str(Rewriter.prompts)
    assert kinds(settings, **by_server) == found and len(Rewriter.prompts) == 3  # kept, not asked again
    path.write_text(json.dumps(more))
    assert {c.core_id for c in kinds(settings, **by_server)} == {"d"} and len(Rewriter.prompts) == 3


def test_a_server_that_refuses_is_told_in_one_line(settings, rewriter):
    with pytest.raises(BadInput, match="said 401") as error:
        kinds(settings, url=rewriter, key=SecretStr("wrong"))
    assert "wrong" not in str(error.value)
