"""The API as clients meet it: over HTTP, from a real server."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import threading

import httpx
import pytest

from deskloop.errors import BadInput
from deskloop.settings import Settings


def test_an_answer_has_openais_shape_and_says_how_it_came_about(start, ask):
    server = start()
    with server.client() as http:
        body = ask(http, "When do I get my refund?").json()
    assert body["object"] == "chat.completion"
    assert body["model"] == "deskloop-v1"
    assert body["choices"][0]["message"]["content"].startswith("Refunds are paid within 5 working days")
    about = body["deskloop"]
    assert about["kind"] == "retrieve" and about["intent"] == "refund" and about["version"] == 1
    url = "https://shop.example/help/refund"
    assert about["sources"] == [{"id": "refund", "question": "How does refund work?", "url": url}]


def test_a_stream_holds_the_whole_answer_in_pieces_and_ends_with_done(start):
    server = start()
    request = {"stream": True, "model": "any", "messages": [{"role": "user", "content": "delivery?"}], "top_p": 1}
    with server.client() as http, http.stream("POST", "/v1/chat/completions", json=request) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        data = [line[6:] for line in response.iter_lines() if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    chunks = [json.loads(d) for d in data[:-1]]
    pieces = [c["choices"][0]["delta"].get("content", "") for c in chunks]
    assert len(pieces) > 10 and "".join(pieces).endswith("Above 60 euro it is free.")
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop" and chunks[-1]["deskloop"]["kind"] == "retrieve"
    assert len({c["id"] for c in chunks}) == 1


def test_the_first_piece_arrives_before_the_answer_is_finished(start):
    gate = threading.Event()
    server = start(gate=gate)
    request = {"stream": True, "messages": [{"role": "user", "content": "delivery?"}]}
    with server.client() as http, http.stream("POST", "/v1/chat/completions", json=request) as response:
        lines = response.iter_lines()
        assert any("Standard" in line for line in lines)
        gate.set()  # only now does the bot go on
        assert any("[DONE]" in line for line in lines)


def test_a_conversation_goes_on_under_its_id(start, ask, desk):
    server = start()
    with server.client() as http:
        first = ask(http, "refund?")
        mine = first.headers["X-Conversation-Id"]
        assert len(mine) >= 20 and mine == first.json()["deskloop"]["conversation_id"]
        ask(http, "delivery?", headers={"X-Conversation-Id": mine})
        by_metadata = {"metadata": {"conversation_id": mine}, "messages": [{"role": "user", "content": "refund"}]}
        http.post("/v1/chat/completions", json=by_metadata)
        rows = http.get(f"/v1/conversations/{mine}", headers=desk).json()["data"]
        assert [r["role"] for r in rows] == ["customer", "bot"] * 3
        assert ask(http, "refund?").headers["X-Conversation-Id"] != mine


def test_personal_data_is_stored_redacted_and_logged_never(start, ask, desk, caplog):
    server = start()
    secret = "anna.jansen@gmail.com"
    with caplog.at_level(logging.DEBUG), server.client() as http:
        ask(http, f"refund please, I am at {secret}")
        ask(http, f"crash {secret}")
        http.post("/v1/chat/completions", json={"messages": secret})
    raw = b"".join(p.read_bytes() for p in server.folder.glob("deskloop.db*"))
    assert secret.encode() not in raw and b"<EMAIL_ADDRESS_1>" in raw
    assert b"https://shop.example/help/refunds" in raw, "what the help pages print is no secret"
    ours = [r for r in caplog.records if not r.name.startswith("http")]  # the client of this test logs too
    assert any("RuntimeError" in r.getMessage() for r in ours)
    assert not [r for r in ours if secret in f"{r.getMessage()} {r.exc_info}"]


def test_a_colleague_sees_who_waits_replies_and_the_customer_reads_it(start, ask, desk):
    server = start()
    with server.client() as http:
        ask(http, "refund?")
        about = ask(http, "my tent is on fire").json()["deskloop"]
        assert about["kind"] == "handoff"
        (waiting,) = http.get("/v1/conversations?handed_over=true", headers=desk).json()["data"]
        assert waiting["id"] == about["conversation_id"] and waiting["waiting"]
        path = f"/v1/conversations/{waiting['id']}"
        words = "Hello, call me on +31 6 12345678"
        assert http.post(f"{path}/reply", json={"text": words}, headers=desk).status_code == 201
        (reply,) = http.get(f"{path}/replies").json()["data"]
        assert reply["text"] == words
        assert http.get(f"{path}/replies", params={"after": reply["id"]}).json()["data"] == []
        stored = http.get(path, headers=desk).json()["data"][-1]
        assert stored["role"] == "agent" and "12345678" not in stored["text"]
        assert not http.get("/v1/conversations", headers=desk).json()["data"][0]["waiting"]


def test_where_a_colleague_is_in_the_chat_the_bot_is_silent_until_they_leave(start, ask, desk):
    server = start()
    with server.client() as http:
        mine = ask(http, "my tent is on fire").headers["X-Conversation-Id"]
        path, header = f"/v1/conversations/{mine}", {"X-Conversation-Id": mine}

        def post(part: str, **body: object) -> int:
            return http.post(f"{path}/{part}", json=body, headers=desk).status_code

        def row() -> dict:
            return http.get("/v1/conversations", headers=desk).json()["data"][0]

        assert http.get(f"{path}/replies").json()["colleague"] == "none" and not row()["joined"]
        assert post("leave") == 409 and http.post(f"{path}/join").status_code == 401
        assert post("reply", text="Hello, I am Kim.") == 201  # who replies has joined
        assert http.get(f"{path}/replies").json()["colleague"] == "joined" and row()["joined"]

        said = ask(http, "refund? mail anna@gmail.com", headers=header).json()
        assert said["choices"][0]["message"]["content"] == "" and said["deskloop"]["kind"] == "colleague"
        stream = {"stream": True, "messages": [{"role": "user", "content": "still there?"}]}
        told = http.post("/v1/chat/completions", json=stream, headers=header).text
        assert '"kind": "colleague"' in told and '"content"' not in told and told.rstrip().endswith("[DONE]")
        stored = http.get(path, headers=desk).json()["data"]
        assert [m["role"] for m in stored] == ["customer", "bot", "agent", "customer", "customer"]
        assert stored[3]["text"] == "refund? mail <EMAIL_ADDRESS_1>" and stored[3]["model_version"] is None
        assert row()["waiting"]
        assert ask(http, "refund?").json()["deskloop"]["kind"] == "retrieve"  # in any other chat the bot answers

        assert post("leave", closed=True) == 204
        assert http.get(f"{path}/replies").json()["colleague"] == "closed"
        assert http.get("/v1/conversations?handed_over=true", headers=desk).json()["data"] == []
        assert ask(http, "refund?", headers=header).json()["deskloop"]["kind"] == "retrieve"
        assert post("join") == 204 and post("leave") == 204
        assert http.get(f"{path}/replies").json()["colleague"] == "released"
        unknown = http.post(f"/v1/conversations/{'x' * 20}/join", headers=desk)
        assert unknown.status_code == 404


def test_a_colleagues_words_outlive_a_restart_and_go_once_they_are_read(start, ask, desk):
    first = start()
    with first.client() as http:
        mine = ask(http, "my tent is on fire").headers["X-Conversation-Id"]
        path, words = f"/v1/conversations/{mine}", "Call me on +31 6 12345678"
        http.post(f"{path}/reply", json={"text": words}, headers=desk)
    kept = first.folder / "outbox" / mine
    assert [oct(p.stat().st_mode & 0o777) for p in kept.iterdir()] == ["0o600"]
    with start(champion=False).client() as http:  # another process would see the same home
        (reply,) = http.get(f"{path}/replies").json()["data"]
        assert reply["text"] == words
        assert http.get(f"{path}/replies", params={"after": reply["id"]}).json()["data"] == []
        assert not list(kept.iterdir())
        (late,) = http.get(f"{path}/replies").json()["data"]
        assert late["text"] == "Call me on <PHONE_NUMBER_1>"


def test_feedback_and_reviews_are_kept_and_unknown_messages_refused(start, ask, desk):
    server = start()
    with server.client() as http:
        about = ask(http, "refund?").json()["deskloop"]
        thumb = {"message_id": about["message_id"], "thumb": -1, "comment": "mail me: a.b@gmail.com"}
        assert http.post("/v1/feedback", json=thumb).status_code == 204
        assert http.post("/v1/feedback", json={**thumb, "message_id": "nope"}).status_code == 404
        assert http.post("/v1/feedback", json={**thumb, "thumb": 3}).status_code == 400
        review = {"message_id": about["customer_message_id"], "intent": "refund_status", "reply": "Soon.",
                  "knowledge_url": "https://shop.example/help/refund"}  # fmt: skip
        assert http.post("/v1/reviews", json=review, headers=desk).status_code == 204
    with sqlite3.connect(server.folder / "deskloop.db") as c:
        assert c.execute("select thumb, comment from feedback").fetchall() == [(-1, "mail me: <EMAIL_ADDRESS_1>")]
        assert c.execute("select intent, reply from reviews").fetchall() == [("refund_status", "Soon.")]


@pytest.mark.parametrize(
    "method, path",
    [("GET", "/v1/conversations"), ("GET", "/v1/releases"), ("GET", "/v1/drift"), ("POST", "/v1/reviews")],
)
def test_the_desk_needs_its_token_and_does_not_exist_without_one(start, desk, method, path):
    server = start()
    with server.client() as http:
        assert http.request(method, path).status_code == 401
        refused = http.request(method, path, headers={"Authorization": "Bearer wrong"})
        assert refused.status_code == 401 and refused.json()["error"]["type"] == "authentication_error"
        assert http.request(method, path, headers=desk).status_code in (200, 400)
    without = start(champion=False, desk_token="")
    with without.client() as http:
        assert http.request(method, path, headers={"Authorization": "Bearer"}).status_code == 404


def test_with_an_api_key_clients_need_it_and_the_page_does_not(start, ask):
    server = start(api_key="key-1")
    with server.client() as http:
        assert ask(http, "refund?").status_code == 401
        assert ask(http, "refund?", headers={"Authorization": "Bearer key-1"}).status_code == 200
        assert ask(http, "refund?", headers={"Authorization": "Bearer 99999999999.00"}).status_code == 401
        (ticket,) = re.findall(r'data-ticket="([^"]+)"', http.get("/").text)
        assert ask(http, "refund?", headers={"Authorization": f"Bearer {ticket}"}).status_code == 200
        until, signature = ticket.split(".")
        later = {"Authorization": f"Bearer {int(until) + 1}.{signature}"}
        assert ask(http, "refund?", headers=later).status_code == 401


@pytest.mark.parametrize(
    "body, status, says",
    [
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "assistant", "content": "hi"}]}, 400, "last message"),
        ({"messages": [{"role": "user", "content": "   "}]}, 400, "last message"),
        ({"messages": [{"role": "user", "content": "x" * 201}]}, 413, "201 characters, 200 are allowed"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "messages.0"),
        ({"messages": [{"role": "user", "content": "y" * (1 << 20)}]}, 413, "larger than"),
        ({"messages": [{"role": "user", "content": "hi"}], "metadata": {"conversation_id": "short"}}, 400, "pattern"),
    ],
)
def test_bad_requests_are_refused_in_openais_error_shape(start, body, status, says):
    server = start(max_message_chars=200)
    with server.client() as http:
        response = http.post("/v1/chat/completions", json=body)
    assert response.status_code == status
    error = response.json()["error"]
    assert says in error["message"] and error["type"] == "invalid_request_error" and set(error) >= {"param", "code"}


def test_whoever_speaks_too_often_is_told_when_to_come_back(start, ask):
    server = start(rate_per_minute=2)
    with server.client() as http:
        statuses = [ask(http, "refund?") for _ in range(3)]
    assert [r.status_code for r in statuses] == [200, 200, 429]
    assert 1 <= int(statuses[-1].headers["Retry-After"]) <= 31


def test_a_full_house_answers_503_and_recovers(start, ask, monkeypatch):
    monkeypatch.setattr("deskloop.web.app.THREADS_PER_REPLICA", 1)
    monkeypatch.setattr("deskloop.web.app.WAITING_PER_REPLICA", 1)
    gate = threading.Event()
    server = start(gate=gate)
    request = {"stream": True, "messages": [{"role": "user", "content": "delivery?"}]}
    with server.client() as http:
        with (
            http.stream("POST", "/v1/chat/completions", json=request) as one,
            http.stream("POST", "/v1/chat/completions", json=request) as two,
        ):
            refused = ask(http, "refund?")
            assert refused.status_code == 503 and refused.headers["Retry-After"]
            gate.set()
            assert all("[DONE]" in r.read().decode() for r in (one, two))
        assert ask(http, "refund?").status_code == 200


def test_a_bot_that_fails_is_reported_inside_the_stream(start):
    server = start()
    request = {"stream": True, "messages": [{"role": "user", "content": "crash"}]}
    with server.client() as http:
        streamed = http.post("/v1/chat/completions", json=request).text
        whole = http.post("/v1/chat/completions", json={**request, "stream": False})
    assert '"error"' in streamed and "crash" not in streamed and streamed.rstrip().endswith("[DONE]")
    assert whole.status_code == 500 and "crash" not in whole.text


def test_metrics_count_what_happened(start, ask):
    server = start()
    with server.client() as http:
        ask(http, "refund?")
        message = ask(http, "unknown?").json()["deskloop"]["message_id"]
        http.post("/v1/feedback", json={"message_id": message, "thumb": 1})
        text = http.get("/metrics").text
    assert 'deskloop_answers_total{kind="retrieve"} 1.0' in text
    assert 'deskloop_answers_total{kind="handoff"} 1.0' in text
    assert 'deskloop_feedback_total{thumb="up"} 1.0' in text
    assert "deskloop_first_token_seconds_count 2.0" in text
    assert "deskloop_champion_version 1.0" in text
    assert 'deskloop_requests_total{method="POST",route="/v1/chat/completions",status="200"} 2.0' in text


@pytest.mark.parametrize("path", ["/", "/desk", "/static/chat.js", "/v1/models", "/nowhere"])
def test_every_answer_carries_security_headers(start, path):
    server = start()
    with server.client() as http:
        headers = http.get(path).headers
    assert (
        "script-src 'self'" in headers["Content-Security-Policy"]
        and "unsafe" not in headers["Content-Security-Policy"]
    )
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_taken_port_is_one_clear_line(start):
    from deskloop.web.app import serve

    server = start()
    port = httpx.URL(server.url).port
    with pytest.raises(BadInput, match=f"port {port} on 127.0.0.1 is not free"):
        serve(Settings(home=server.folder, serve={"port": port}))
