"""Another website shows the chat in its corner, if it may: two servers of different origin, a real browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import ValidationError

from deskloop.settings import Serve

pytestmark = pytest.mark.web


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A shop's website: `site(the chat's address)` is its own."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            chat = self.server.chat  # type: ignore[attr-defined]
            self.send_header("Content-Security-Policy", f"default-src 'none'; script-src {chat}; frame-src {chat}")
            super().end_headers()

        def log_message(self, *_: object) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"

    def begin(chat: str) -> str:
        server.chat = chat  # type: ignore[attr-defined]
        tag = f'<script src="{chat}/static/embed.js" defer data-label="Ask us"></script>'
        for name in ("index", "other"):
            (folder / f"{name}.html").write_text(f"<!doctype html><title>{name}</title><h1>{name}</h1>{tag}")
        return address

    begin.address = address  # type: ignore[attr-defined]
    yield begin
    server.shutdown()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone: the chat covers it."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def test_a_visitor_chats_in_the_shops_own_pages(start, site, page):
    server = start(embed_on=(site.address,), api_key="key-1")
    page.goto(site(server.url))
    assert page.frames[1].url == "about:blank", "nothing is loaded before somebody asks"
    page.get_by_role("button", name="Ask us").click()
    chat = page.frame_locator("iframe")
    chat.get_by_label("Your message").fill("When do I get my refund?")
    chat.get_by_role("button", name="Send").click()
    expect(chat.locator(".bot .bubble")).to_contain_text("within 5 working days")
    chat.get_by_role("button", name="Helpful", exact=True).click()
    expect(chat.get_by_text("Thank you")).to_be_visible()

    page.goto(f"{site.address}/other.html")
    expect(page.frame_locator("iframe").locator(".bot .bubble")).to_contain_text("within 5 working days")
    page.get_by_role("button", name="Close the chat").click()
    expect(page.locator("iframe")).to_be_hidden()
    expect(page.get_by_role("button", name="Ask us")).to_be_focused()
    assert page.context.cookies() == []


def test_a_site_that_is_not_named_is_refused(start, site, page):
    server = start(embed_on=("https://www.shop.example",))
    refusals: list[str] = []
    page.on("console", lambda m: refusals.append(m.text) if "frame-ancestors" in m.text else None)
    page.goto(site(server.url))
    page.get_by_role("button", name="Ask us").click()
    expect(page.frame_locator("iframe").get_by_label("Your message")).to_have_count(0)
    page.wait_for_timeout(300)
    assert refusals
    with server.client() as http:
        assert "frame-ancestors 'none'" in http.get("/desk").headers["Content-Security-Policy"]


@pytest.mark.parametrize("origin", ["https://a.example; script-src *", "shop.example", "https://a.example/path", "*"])
def test_only_origins_can_be_named(origin):
    with pytest.raises(ValidationError):
        Serve(embed_on=(origin,))
