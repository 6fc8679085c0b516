"""The bot answers in Chatwoot, hands over by opening the conversation, and is silent where a person is.

Chatwoot itself cannot run here: a server that takes its documented calls stands in for it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

HOOK = "only-chatwoot-knows-this"


class Desk(ThreadingHTTPServer):
    """Takes messages and changes of status, in order."""

    calls: list[tuple[str, dict[str, Any], str | None]]
    busy = 0  # so many calls are refused first

    def until(self, calls: int) -> list[tuple[str, dict[str, Any], str | None]]:
        deadline = time.monotonic() + 15
        while len(self.calls) < calls and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.calls


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        desk: Desk = self.server  # type: ignore[assignment]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        desk.busy -= 1
        if desk.busy >= 0:
            self.send_response(503)
        else:
            desk.calls.append((self.path, body, self.headers["api_access_token"]))
            self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Quietly."""


@pytest.fixture
def desk_of_theirs() -> Iterator[Desk]:
    server = Desk(("127.0.0.1", 0), Handler)
    server.calls = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture
def serving(start: Callable[..., Any], desk_of_theirs: Desk) -> Callable[..., Any]:
    url = f"http://127.0.0.1:{desk_of_theirs.server_port}"
    chatwoot = {"url": url, "token": "bot-token", "hook": HOOK}
    return lambda **more: start(chatwoot=chatwoot, **more)


def said(number: int, content: str | None, status: str = "pending", **more: Any) -> dict[str, Any]:
    """A webhook's body as Chatwoot documents it, shortened."""
    return {
        "event": "message_created", "id": number, "content": content, "message_type": "incoming", "private": False,
        "account": {"id": 3, "name": "Larkfell"}, "conversation": {"id": 42, "status": status, "meta": {}}, **more,
    }  # fmt: skip


def test_an_answer_comes_with_its_page_and_a_hand_over_opens_the_conversation(serving, desk_of_theirs, desk):
    server = serving()
    with server.client() as http:
        hook = f"/v1/hooks/chatwoot/{HOOK}"
        assert http.post(hook, json=said(1, "when is my refund? anna@gmail.com")).status_code == 202
        (call,) = desk_of_theirs.until(1)
        path, body, token = call
        assert path == "/api/v1/accounts/3/conversations/42/messages" and token == "bot-token"
        assert body["message_type"] == "outgoing" and "within 5 working days" in body["content"]
        assert body["content"].endswith("\nhttps://shop.example/help/refund")

        assert http.post(hook, json=said(2, "and my refnd for the other one")).status_code == 202
        (_, told, _), (path, body, _) = desk_of_theirs.until(3)[1:]
        assert told["content"].endswith("Or did you mean one of these?\n1. How does refund work?")
        assert path == "/api/v1/accounts/3/conversations/42/toggle_status" and body == {"status": "open"}

        (row,) = http.get("/v1/conversations", headers=desk).json()["data"]
        assert row["channel"] == "chatwoot" and row["messages"] == 4 and row["id"] != "42"
        stored = http.get(f"/v1/conversations/{row['id']}", headers=desk).json()["data"]
        assert "<EMAIL_ADDRESS_1>" in stored[0]["text"]


def test_what_is_none_of_the_bots_business_is_ignored(serving, desk_of_theirs):
    server = serving()
    with server.client() as http:
        hook = f"/v1/hooks/chatwoot/{HOOK}"
        for event in (
            said(1, "refund?", status="open"),
            said(2, "refund?", message_type="outgoing"),
            said(3, "refund?", private=True),
            said(4, "refund?", event="conversation_updated"),
            {"event": "webwidget_triggered"},
        ):
            assert http.post(hook, json=event).json() == {"status": "ignored"}
        assert http.post(hook, json=said(5, "refund?")).json() == {"status": "taken"}
        assert http.post(hook, json=said(5, "refund?")).json() == {"status": "ignored"}, "told again"
        assert len(desk_of_theirs.until(1)) == 1


@pytest.mark.parametrize("content", [None, "  ", "x" * 500])
def test_a_picture_or_a_letter_goes_to_a_person(serving, desk_of_theirs, content):
    server = serving(max_message_chars=200)
    with server.client() as http:
        http.post(f"/v1/hooks/chatwoot/{HOOK}", json=said(1, content))
    assert [path.rsplit("/")[-1] for path, _, _ in desk_of_theirs.until(2)] == ["messages", "toggle_status"]


def test_without_a_champion_a_person_takes_over_and_a_busy_chatwoot_is_asked_again(serving, desk_of_theirs):
    desk_of_theirs.busy = 2
    server = serving(champion=False)
    with server.client() as http:
        http.post(f"/v1/hooks/chatwoot/{HOOK}", json=said(1, "refund?"))
    assert [path.rsplit("/")[-1] for path, _, _ in desk_of_theirs.until(2)] == ["messages", "toggle_status"]


def test_the_hook_is_a_secret_and_absent_where_it_is_not_configured(serving, start):
    with serving().client() as http:
        assert http.post("/v1/hooks/chatwoot/wrong", json=said(1, "refund?")).status_code == 404
    with start(champion=False).client() as http:
        assert http.post(f"/v1/hooks/chatwoot/{HOOK}", json=said(1, "refund?")).status_code == 404
