"""The after period is played over HTTP as the API's contract says, and stops with one line where it cannot."""

from __future__ import annotations

import json
import os
import shlex
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deployments.demo import elsewhere
from deskloop.demo.simulate import simulate
from deskloop.errors import BadInput

ROWS = [
    {"messages": ["strike?", "and express?"], "intent": "courier_strike", "reply": "10 days", "article_url": "u"},
    {"messages": ["volt range"], "intent": "ebike_volt", "reply": "90 km", "article_url": "v"},
]  # fmt: skip


@contextmanager
def small_api(busy: int = 0):
    """An API that answers in the agreed form, after refusing `busy` requests, and keeps what it was asked."""
    asked: list[tuple[str, dict, dict]] = []
    lock = threading.Lock()
    refused = iter(range(busy))

    class Api(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                refuse = next(refused, None) is not None
                if not refuse:
                    asked.append((self.path, dict(self.headers), body))
                number = len(asked)
            answer = {
                "choices": [{"message": {"role": "assistant", "content": f"answer {number}"}}],
                "deskloop": {"message_id": f"a{number}", "customer_message_id": f"c{number}", "kind": "handoff"},
            }
            data = json.dumps(answer if self.path.endswith("completions") else {}).encode()
            self.send_response(429 if refuse else 200)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_each_turn_is_sent_with_what_was_said_before_and_replied_to_and_reviewed():
    with small_api() as (url, asked):
        played = simulate(url, "secret", ROWS, rate=1000, progress=lambda _: None, workers=1)
    assert {k: played[k] for k in ("conversations", "messages", "handed_over", "reviews")} == {
        "conversations": 2, "messages": 3, "handed_over": 3, "reviews": 2,
    }  # fmt: skip
    chats = [(headers["X-Conversation-Id"], body["messages"]) for path, headers, body in asked if "chat" in path]
    assert [m["content"] for m in chats[1][1]] == ["strike?", "answer 1", "and express?"]
    assert chats[0][0] == chats[1][0] != chats[2][0]
    helped = [(path.rsplit("/", 1), body) for path, _, body in asked if "conversations" in path]
    assert [(conversation, body) for (conversation, _), body in helped[:2]] == [
        (f"/v1/conversations/{chats[0][0]}", {"text": "10 days"}),
        (f"/v1/conversations/{chats[0][0]}", {"closed": True}),
    ]
    _, headers, review = next(a for a in asked if "reviews" in a[0] and a[2]["intent"] == "courier_strike")
    assert headers["Authorization"] == "Bearer secret"
    assert review == {"message_id": "c1", "intent": "courier_strike", "reply": "10 days", "knowledge_url": "u"}


def test_without_a_desk_token_nothing_is_reviewed():
    with small_api() as (url, asked):
        assert simulate(url, None, ROWS, rate=1000, progress=lambda _: None)["reviews"] == 0
    assert {path for path, _, _ in asked} == {"/v1/chat/completions"}


def test_a_busy_api_is_asked_again():
    with small_api(busy=3) as (url, _):
        assert simulate(url, None, ROWS, rate=1000, progress=lambda _: None)["messages"] == 3


def test_no_api_is_told_in_one_line():
    with pytest.raises(BadInput, match="does not answer"):
        simulate("http://127.0.0.1:9", None, ROWS, rate=1000, progress=lambda _: None)


def test_the_line_for_a_second_terminal_runs_there_with_this_ones_ports(tmp_path, monkeypatch):
    monkeypatch.setenv("DESKLOOP_PREFECT_PORT", "4993")
    monkeypatch.setenv("PATH", os.defpath)

    line = elsewhere("simulate-drift", tmp_path / "a shop.yaml")
    port, program, *rest = shlex.split(line)

    assert port == "DESKLOOP_PREFECT_PORT=4993" and rest == ["simulate-drift", "--config", f"{tmp_path}/a shop.yaml"]
    assert os.access(program, os.X_OK) and Path(program).name == "deskloop"
