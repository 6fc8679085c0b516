"""Live help desks, spoken to as they document themselves: paging, busy times, deletions, and a well-kept token."""

import base64
import json
import logging
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from deskloop import ingest, sources
from deskloop.errors import BadInput, TransientError
from deskloop.origins import HelpdeskApiSource
from deskloop.settings import Settings, load
from deskloop.sources.client import Client, Token

TOKEN = "tok-5ecret-5ecret"
VENDORS = ("zendesk", "zendesk_chat", "intercom", "chatwoot", "freshdesk")
AUTHORISED = {
    "zendesk": ("Authorization", "Basic " + base64.b64encode(f"ann@desk.example/token:{TOKEN}".encode()).decode()),
    "zendesk_chat": ("Authorization", f"Bearer {TOKEN}"),
    "intercom": ("Authorization", f"Bearer {TOKEN}"),
    "chatwoot": ("api_access_token", TOKEN),
    "freshdesk": ("Authorization", "Basic " + base64.b64encode(f"{TOKEN}:X".encode()).decode()),
}
PAGE = 2
START = 1_750_000_000


class Case:
    """One conversation at the desk: a question, a private note, a reply, and perhaps a later word."""

    def __init__(self, number):
        self.number, self.changed, self.deleted, self.later = number, START + number, False, []

    @property
    def said(self):
        """(role, text, private) from the oldest on."""
        first = [("customer", f"Where is parcel {self.number}?", False), ("agent", "a private note", True),
                 ("agent", f"On its way, {self.number}.", False)]  # fmt: skip
        return first + [("customer", text, False) for text in self.later]


class Desk:
    """The state of a desk and its five tongues. Lists come in pages of two."""

    def __init__(self, count=5):
        self.cases = [Case(n) for n in range(1, count + 1)]
        self.faults, self.asked, self.clock = [], [], START + 100

    def change(self, number, text):
        case = self.cases[number - 1]
        self.clock += 1
        case.changed = self.clock
        case.later.append(text)

    def delete(self, number):
        self.clock += 1
        self.cases[number - 1].changed, self.cases[number - 1].deleted = self.clock, True

    def by_change(self, since=0):
        return sorted((c for c in self.cases if c.changed >= since), key=lambda c: c.changed)

    def living(self, since=0):
        return [c for c in self.by_change(since) if not c.deleted]

    def answer(self, path, ask, body):
        for pattern, reply in (
            (r"/api/v2/incremental/tickets/cursor\.json", self.zendesk),
            (r"/api/v2/tickets/(\d+)/comments\.json", self.comments),
            (r"/api/v2/chat/incremental/chats", self.chats),
            (r"/conversations/search", self.search),
            (r"/conversations/(\d+)", self.conversation),
            (r"/conversations", self.listing),
            (r"/api/v1/accounts/7/conversations", self.chatwoot),
            (r"/api/v1/accounts/7/conversations/(\d+)/messages", self.messages),
            (r"/api/v2/tickets", self.freshdesk),
            (r"/api/v2/tickets/(\d+)/conversations", self.replies),
        ):
            if found := re.fullmatch(pattern, path):
                chosen = [self.cases[int(found[1]) - 1]] if found.groups() else []
                if chosen and chosen[0].deleted:
                    return 404, {}, {"error": "RecordNotFound"}
                given = reply(*chosen, ask, body)
                return given if isinstance(given, tuple) else (200, {}, given)
        return 404, {}, {"error": "no such path"}

    def zendesk(self, ask, _):
        log = self.by_change()
        after = int(base64.b64decode(ask["cursor"])) if "cursor" in ask else int(ask["start_time"]) - 1
        page = [c for c in log if c.changed > after][:PAGE]
        last = page[-1].changed if page else after
        rows = [{"id": c.number, "requester_id": 100 + c.number, "subject": "Parcel", "tags": [],
                 "created_at": iso(START), "via": {"channel": "web"}, "generated_timestamp": c.changed,
                 "updated_at": iso(c.changed),
                 "status": "deleted" if c.deleted else "open"} for c in page]  # fmt: skip
        return {"tickets": rows, "after_cursor": base64.b64encode(str(last).encode()).decode(),
                "end_of_stream": last >= (log[-1].changed if log else 0)}  # fmt: skip

    def comments(self, case, ask, _):
        rows = [{"id": n, "author_id": 100 + case.number if role == "customer" else 9, "plain_body": text,
                 "public": not private, "created_at": iso(START + n)}
                for n, (role, text, private) in enumerate(case.said)]  # fmt: skip
        at = int(ask.get("page[after]", 0))
        people = [{"id": 100 + case.number, "name": "Ann", "email": "ann@mail.example", "role": "end-user"},
                  {"id": 9, "name": "Ben", "role": "agent"}]  # fmt: skip
        more = at + PAGE < len(rows)
        return {"comments": rows[at : at + PAGE], "users": people,
                "meta": {"has_more": more, "after_cursor": str(at + PAGE)}}  # fmt: skip

    def chats(self, ask, _):
        since, beyond = int(ask["start_time"]), ask.get("start_id", "")
        rows = [c for c in self.by_change(since) if not (beyond and c.changed == since and str(c.number) <= beyond)]
        page = rows[:PAGE]
        last = page[-1] if page else None
        chats = [{"id": str(c.number), "type": "chat", "deleted": c.deleted, "timestamp": iso(START), "history": [
            {"type": "chat.msg", "sender_type": "Visitor" if role == "customer" else "Agent", "msg": text,
             "timestamp": iso(START + n), "private": private} for n, (role, text, private) in enumerate(c.said)]}
            for c in page]  # fmt: skip
        return {"chats": chats, "count": len(page), "end_time": last.changed if last else since,
                "end_id": str(last.number) if last else "",
                "next_page": "more" if len(rows) > PAGE else None}  # fmt: skip

    def search(self, _, body):
        (wanted,) = body["query"]["value"]
        assert (wanted["field"], wanted["operator"]) == ("updated_at", ">")
        return self._intercom(self.living(wanted["value"] + 1), body["pagination"].get("starting_after"))

    def listing(self, ask, _):
        return self._intercom(self.living(), ask.get("starting_after"))

    def _intercom(self, cases, after):
        at = int(after or 0)
        more = {"next": {"page": 2, "starting_after": str(at + PAGE)}} if at + PAGE < len(cases) else {}
        rows = [{"type": "conversation", "id": str(c.number), "updated_at": c.changed} for c in cases[at : at + PAGE]]
        return {"type": "conversation.list", "conversations": rows, "pages": {"type": "pages", **more}}

    def conversation(self, case, *_):
        first, *rest = case.said
        opening = {"type": "conversation", "body": f"<p>{first[1]}</p>", "author": {"type": "user", "id": "u"}}
        parts = [{"part_type": "note" if private else "comment", "body": f"<p>{text}</p>", "created_at": START + n,
                  "author": {"type": "user" if role == "customer" else "admin", "id": role}}
                 for n, (role, text, private) in enumerate(rest, 1)]  # fmt: skip
        return {"type": "conversation", "id": str(case.number), "created_at": START, "updated_at": case.changed,
                "source": opening, "conversation_parts": {"conversation_parts": parts}}  # fmt: skip

    def chatwoot(self, ask, _):
        assert (ask["status"], ask["assignee_type"]) == ("all", "all")
        latest = self.living()[::-1]
        at = (int(ask["page"]) - 1) * PAGE
        rows = [{"id": c.number, "status": "open", "created_at": START, "last_activity_at": c.changed, "messages": []}
                for c in latest[at : at + PAGE]]  # fmt: skip
        return {"data": {"meta": {"all_count": len(latest)}, "payload": rows}}

    def messages(self, case, ask, _):
        rows = [{"id": 10 * case.number + n, "content": text, "message_type": 0 if role == "customer" else 1,
                 "private": private, "created_at": START + n}
                for n, (role, text, private) in enumerate(case.said)]  # fmt: skip
        before = int(ask.get("before", 10**9))
        return {"meta": {}, "payload": [r for r in rows if r["id"] < before][-PAGE:]}

    def freshdesk(self, ask, _):
        chosen = [c for c in self.by_change() if iso(c.changed) >= ask["updated_since"]]
        chosen = [c for c in chosen if c.deleted == (ask.get("filter") == "deleted")]
        at = (int(ask.get("page", 1)) - 1) * PAGE
        rows = [{"id": c.number, "status": 2, "source": 2, "requester_id": 5, "created_at": iso(START), "tags": [],
                 "updated_at": iso(c.changed), "description_text": c.said[0][1]}
                for c in chosen[at : at + PAGE]]  # fmt: skip
        more = "&".join(f"{k}={v}" for k, v in {**ask, "page": at // PAGE + 2}.items())
        return 200, {"Link": f'<{{root}}/api/v2/tickets?{more}>; rel="next"'} if at + PAGE < len(chosen) else {}, rows

    def replies(self, case, *_):
        return [{"body_text": text, "incoming": role == "customer", "private": private, "created_at": iso(START + n)}
                for n, (role, text, private) in enumerate(case.said) if n]  # fmt: skip


def iso(seconds):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Door(BaseHTTPRequestHandler):
    """HTTP around a desk: checks the token, plays the faults, counts what was asked."""

    def do_GET(self):
        desk = self.server.desk
        address = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or "{}")
        desk.asked.append(self.path)
        header, wanted = self.server.wanted
        if self.headers[header] != wanted:
            self._send(401, {}, b'{"error": "Couldn\'t authenticate you"}')
        elif desk.faults and (fault := desk.faults.pop(0)):
            self._send(*fault)
        else:
            ask = {k: v[0] for k, v in parse_qs(address.query).items()}
            status, headers, value = desk.answer(address.path, ask, body)
            self._send(status, headers, json.dumps(value).encode())

    do_POST = do_GET

    def _send(self, status, headers, body):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value.replace("{root}", f"http://127.0.0.1:{self.server.server_port}"))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextmanager
def serving(vendor, desk):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.desk, server.wanted = desk, AUTHORISED[vendor]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield HelpdeskApiSource(
            kind="helpdesk_api", name="desk", vendor=vendor, url=f"http://127.0.0.1:{server.server_port}",
            token=TOKEN, user="ann@desk.example", account=7,
        )  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture(params=VENDORS)
def source(request, desk):
    with serving(request.param, desk) as found:
        yield found


def told(batch):
    return {c.id: [(t.role, t.text) for t in c.turns] for c in batch.conversations}


def expected(desk):
    return {str(c.number): [(r, t) for r, t, private in c.said if not private] for c in desk.cases if not c.deleted}


def test_every_page_is_read_and_private_notes_are_left_out(source, desk, settings):
    batch = sources.read(source, settings)
    assert told(batch) == expected(desk)
    assert batch.read == len(batch.conversations) == 5


def test_only_what_changed_is_asked_for_again_and_what_was_deleted_goes(source, desk, settings):
    before = sources.fingerprint(source, settings)
    sources.read(source, settings)
    assert sources.fingerprint(source, settings) == before
    detail = re.compile(r"/comments|/messages|/conversations/\d|/\d+/conversations")
    desk.change(2, "Still nothing!")
    desk.delete(4)
    desk.cases.append(Case(6))
    desk.cases[-1].changed = desk.clock + 1
    desk.asked.clear()
    assert sources.fingerprint(source, settings) != before
    assert told(sources.read(source, settings)) == expected(desk)
    numbers = {re.findall(r"/(\d+)(?:/|\?|$)", path)[-1] for path in desk.asked if detail.search(path)}
    assert numbers <= {"2", "6", "7"}  # 7 is Chatwoot's account


def test_a_second_read_is_what_a_first_one_would_be(source, desk, settings, tmp_path):
    sources.read(source, settings)
    desk.change(1, "Thanks!")
    desk.delete(5)
    again = sources.read(source, settings)
    fresh = sources.read(source, Settings(home=tmp_path / "other"))
    assert told(again) == told(fresh) == expected(desk)


@pytest.mark.parametrize(
    "fault",
    [(429, {"Retry-After": "0"}, b""), (503, {"Retry-After": "0"}, b"<html>busy</html>"), (502, {}, b""),
     (200, {}, b'{"tickets": [{"id": 1, "subj'), (200, {"Content-Length": "9999", "Connection": "close"}, b'{"ti')],
    ids=["429", "503", "502", "cut JSON", "cut body"],
)  # fmt: skip
def test_what_passes_by_itself_is_asked_for_again(fault, desk, settings):
    for vendor in ("zendesk", "freshdesk"):
        with serving(vendor, desk) as source:
            desk.faults = [None, fault, None, fault]
            assert told(
                sources.read(source, settings.model_copy(update={"home": settings.home / vendor}))
            ) == expected(desk)


def test_a_desk_that_stays_away_is_told_and_what_came_before_is_kept(source, desk, settings):
    desk.faults = [*[None] * 2, *[(503, {"Retry-After": "0"}, b"")] * 4]
    with pytest.raises(TransientError, match=r"source desk: 127.0.0.1/\S+ answered 503"):
        sources.read(source, settings)
    assert told(sources.read(source, settings)) == expected(desk)


def test_a_cursor_goes_on_after_the_last_page_that_was_kept(desk, settings):
    with serving("zendesk", desk) as source:
        desk.faults = [*[None] * 6, *[(503, {"Retry-After": "0"}, b"")] * 4]
        with pytest.raises(TransientError):
            sources.read(source, settings)
        desk.asked.clear()
        sources.read(source, settings)
    assert not [path for path in desk.asked if "start_time" in path or "/tickets/1/" in path]


def test_an_expired_token_is_one_clear_line_that_does_not_show_it(source, settings):
    old = source.model_copy(update={"token": type(source.token)("old-5ecret")})
    with pytest.raises(BadInput) as told:
        sources.read(old, settings)
    assert re.fullmatch(r"source desk: the server refused the token \(401\); .*", str(told.value))
    assert "5ecret" not in str(told.value)


def test_the_wrong_kind_of_desk_is_one_clear_line(desk, settings):
    with serving("intercom", desk) as source:
        desk.faults = [(200, {}, b'{"hello": "world"}')]
        with pytest.raises(BadInput, match="does not answer as intercom does"):
            sources.read(source, settings)
        with pytest.raises(BadInput, match="answered 404; check `url`"):
            sources.read(source.model_copy(update={"url": f"{source.url}/elsewhere"}), settings)


def test_the_token_shows_nowhere(source, settings, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    everything = settings.model_copy(update={"sources": (source,)})
    said = [sources.fingerprint(source, everything), repr(sources.read(source, everything)), repr(everything),
            everything.model_dump_json(), caplog.text]  # fmt: skip
    said += [path.read_text("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file()]
    given = [TOKEN, AUTHORISED[source.vendor][1].split()[-1]]
    assert len(said) > 6
    assert not [text for text in said if any(secret in text for secret in given)]


def test_another_token_is_the_same_source(source, settings):
    """A renewed token must not make everything be read again."""
    other = source.model_copy(update={"token": type(source.token)("another")})
    assert other.model_dump(mode="json") == source.model_dump(mode="json")


def test_the_token_stays_at_home(desk, settings):
    with serving("freshdesk", desk) as source:
        auth = Token("Authorization", "Bearer {}", source.token)
        with Client("desk", source.url, auth) as client, pytest.raises(BadInput, match=r"another site; the token"):
            client.get("https://elsewhere.example/api")
        with pytest.raises(BadInput, match="not sent over plain http to desk"):
            Client("desk", "http://desk.example", auth)
        desk.faults = [(302, {"Location": "https://elsewhere.example/"}, b"")]
        desk.asked.clear()
        with pytest.raises(BadInput, match="answered 302"):
            sources.read(source, settings)
        assert len(desk.asked) == 1


def test_the_token_comes_from_the_environment(tmp_path, monkeypatch):
    entry = "{kind: helpdesk_api, name: desk, vendor: zendesk, url: 'https://a.zendesk.com', token: '${DESK_TOKEN}'}"
    config = tmp_path / "deskloop.yaml"
    config.write_text(f"sources: [{entry}]")
    with pytest.raises(BadInput, match=r"\$\{DESK_TOKEN\}, which is not set"):
        load(config)
    monkeypatch.setenv("DESK_TOKEN", TOKEN)
    (source,) = load(config).sources
    assert source.token.get_secret_value() == TOKEN
    monkeypatch.setenv("DESK_TOKEN", "")
    with pytest.raises(BadInput, match=r"sources\.0\.helpdesk_api\.token"):
        load(config)


def test_a_dry_run_shows_what_would_be_taken_and_writes_nothing(source, desk, settings, tmp_path):
    desk.change(1, "Write to me at ann@mail.example")
    shown = ingest.preview(settings.model_copy(update={"sources": (source,)}))
    (counts,) = shown["sources"]
    assert (counts["read"], counts["conversations"]) == (5, 5)
    assert len(shown["samples"]) == 5
    assert "ann@mail.example" not in str(shown)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
