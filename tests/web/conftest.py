"""A real server on a real port, with a small real bot: it answers by keywords that its bundle holds."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from deskloop.database import connect
from deskloop.records import Answer, Source
from deskloop.releases import Releases
from deskloop.settings import Settings
from deskloop.store import verify_manifest, write_manifest
from deskloop.web.app import create_app

HELP = {
    "refund": "Refunds are paid within 5 working days after your parcel reaches us: "
    "https://shop.example/help/refunds has the steps.",
    "delivery": "Standard delivery takes 2 to 3 working days and costs 4.95 euro. Above 60 euro it is free.",
}


@dataclass
class KeywordBot:
    """Answers with the entry whose keyword the question holds; hands over what it does not know."""

    entries: Mapping[str, str]
    version: str
    gate: threading.Event | None = None
    closed: bool = False

    @classmethod
    def load(cls, bundle: Path, settings: Settings) -> KeywordBot:
        """Raises CorruptBundle for a bundle that was tampered with."""
        verify_manifest(bundle)
        return cls(json.loads((bundle / "entries.json").read_text()), bundle.name)

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str | Answer]:
        assert not self.closed, "a closed bot was asked"
        question = messages[-1]["content"].lower()
        if "crash" in question:
            raise RuntimeError(f"cannot cope with {question}")
        answer = self._answer(question)
        words = answer.text.split(" ")
        for number, word in enumerate(words):
            if number == 1 and self.gate is not None:
                assert self.gate.wait(30)
            assert not self.closed, "closed in the middle of an answer"
            yield word + " " * (number < len(words) - 1)
        yield answer

    def close(self) -> None:
        assert not self.closed
        self.closed = True

    def _answer(self, question: str) -> Answer:
        if question == "help page":
            offered = (self._source("refund"), self._source("delivery"))
            return Answer(text="What about?", kind="clarify", confidence=0.9, reason="open", suggestions=offered)
        for key, text in self.entries.items():
            if key in question:
                told = (self._source(key),)
                return Answer(text=text, kind="retrieve", intent=key, confidence=0.91, sources=told)
        said = "I would rather not guess here, so I am passing this to a colleague."
        near = [key for word in question.split() for key in get_close_matches(word, self.entries)]
        return Answer(
            text=said,
            kind="handoff",
            intent="out_of_scope",
            confidence=0.2,
            reason="not sure enough",
            suggestions=tuple(map(self._source, near)),
        )

    def _source(self, key: str) -> Source:
        url = f"https://shop.example/help/{key}"
        return Source(id=key, question=f"How does {key} work?", answer=self.entries[key], url=url, score=0.9)


@dataclass
class Running:
    """One server under test."""

    settings: Settings
    folder: Path
    url: str = ""
    bots: list[KeywordBot] = field(default_factory=list)
    gate: threading.Event | None = None

    def load(self, bundle: Path, settings: Settings) -> KeywordBot:
        bot = KeywordBot.load(bundle, settings)
        bot.gate = self.gate
        self.bots.append(bot)
        return bot

    def deploy(self, entries: Mapping[str, str] = HELP, corrupt: bool = False) -> int:
        """Seal a bundle, register and promote it. Returns its version."""
        releases = Releases(connect(self.settings.database))
        bundle = self.folder / f"bundle-{len(releases.all())}"
        bundle.mkdir()
        (bundle / "entries.json").write_text(json.dumps({**entries, "bundle": bundle.name}))
        sha256 = write_manifest(bundle)
        if corrupt:
            (bundle / "entries.json").write_text("{}")
        verdict = {"promote": True, "summary": "passed 5 of 5 checks"}
        release = releases.register(bundle, sha256, verdict=verdict, metrics={}, reason="trained by a test")
        releases.promote(release.version, "passed the gate")
        return release.version

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=30, **options)

    def ready(self) -> dict[str, Any]:
        with self.client() as http:
            return dict(http.get("/readyz").json())

    def until(self, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What /readyz says as soon as it says what is awaited."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if true(state := self.ready()):
                return state
            time.sleep(0.02)
        raise AssertionError(f"never came true; last: {self.ready()}")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a server: `start(version=True, gate=None, **serve settings)`."""
    servers: list[tuple[uvicorn.Server, threading.Thread]] = []

    def begin(champion: bool = True, gate: threading.Event | None = None, **serve: Any) -> Running:
        settings = Settings(
            home=tmp_path,
            tracking_uri="none",
            shop={"name": "Larkfell Outdoor"},
            serve={"desk_token": "desk-secret", **serve},
        )
        running = Running(settings, tmp_path, gate=gate)
        if champion:
            running.deploy()
        app = create_app(settings, running.load, look_every=0.05)
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        servers.append((server, thread))
        running.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        return running

    yield begin
    for server, thread in servers:
        server.should_exit = True
        thread.join(20)


FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run"
).split()


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


DESK = {"Authorization": "Bearer desk-secret"}


def ask(http: httpx.Client, text: str, **options: Any) -> httpx.Response:
    """One question, not streamed."""
    return http.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": text}]}, **options)


@pytest.fixture
def desk() -> dict[str, str]:
    """Headers of a colleague."""
    return DESK


@pytest.fixture(name="ask")
def ask_fixture() -> Callable[..., httpx.Response]:
    """Ask one question."""
    return ask
