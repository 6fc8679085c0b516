"""A crawl of a real local site: polite, bounded, and not a way into private networks."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deskloop import sources
from deskloop.errors import BadInput, TransientError
from deskloop.settings import FaqSource, Settings
from deskloop.sources.questions import parse_page

JSON_LD = """<link rel="canonical" href="https://shop.example/returns"><script type="application/ld+json">
{"@context":"https://schema.org","@graph":[{"@type":"FAQPage","mainEntity":{"@type":"Question",
"name":"Can I return it?","acceptedAnswer":{"@type":"Answer","text":"<p>Yes, within 30 days.</p>"}}}]}</script>
<h3 id="ret">Can I return it?</h3><p>Yes.</p>"""
PAGES = {
    "/": '<nav><a href="/returns">r</a><h3>Can I skip this?</h3></nav><h2 id="t">How long does it take?</h2>'
    "<p>2 days.</p><p>Or 3.</p><h2>Something is missing.</h2><p>Tell us.</p>"
    '<a href="/secret">s</a><a href="/gone">g</a>'
    '<a href="http://other.example/x">o</a><a href="/loop">l</a>',
    "/returns": JSON_LD,
    "/acc": '<details id="a"><summary>Do you repair?</summary><p>Yes, €15.</p></details>'
    '<dl><dt id="d">Do you rent?</dt><dd>No.</dd></dl>',
    "/secret": "<h2>What is the password?</h2><p>1234</p>",
    "/robots.txt": "User-agent: *\nDisallow: /secret\n",
    "/sitemap.xml": "<urlset><url><loc>{root}/acc</loc></url></urlset>",
}


class Site(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        root = f"http://127.0.0.1:{self.server.server_port}"
        if self.path in ("/busy", "/loop"):
            self.send_response(503 if self.path == "/busy" else 302)
            self.send_header("Location", "/loop")
            self.end_headers()
            return
        page = self.server.pages.get(self.path)
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "text/plain" if self.path == "/robots.txt" else "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write((page or "no").replace("{root}", root).encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.asked, server.pages = [], dict(PAGES)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


def faq(site, path="/", **more):
    url = f"http://127.0.0.1:{site.server_port}{path}"
    return FaqSource(kind="faq", name="faq", url=url, rate=1000, **{"allow_private": True, **more})


def test_every_form_of_question_is_found(site, settings):
    batch = sources.read(faq(site), settings)
    found = {k.question: (k.answer, k.url) for k in batch.knowledge}
    root = f"http://127.0.0.1:{site.server_port}"
    assert found == {
        "How long does it take?": ("2 days.\nOr 3.", f"{root}/#t"),
        "Something is missing.": ("Tell us.", f"{root}/"),
        "Can I return it?": ("Yes, within 30 days.", "https://shop.example/returns#ret"),
        "Do you repair?": ("Yes, €15.", f"{root}/acc#a"),
        "Do you rent?": ("No.", f"{root}/acc#d"),
    }
    assert {q.reason for q in batch.quarantined} == {"http 404", "redirects away from the site"}
    assert batch.read == len(batch.knowledge) + len(batch.quarantined)


def test_robots_are_obeyed(site, settings):
    sources.read(faq(site), settings)
    assert "/secret" not in site.asked
    with pytest.raises(BadInput, match=r"robots\.txt"):
        sources.read(faq(site, "/secret"), settings)


def test_private_addresses_are_refused_unless_allowed(site, settings):
    with pytest.raises(BadInput, match="private address"):
        sources.read(faq(site, allow_private=False), settings)
    assert site.asked == []


def test_pages_are_capped(site, settings):
    sources.read(faq(site, max_pages=1), settings)
    assert [p for p in site.asked if p not in ("/robots.txt", "/sitemap.xml")] == ["/"]


def test_what_may_pass_is_told_from_what_will_not(site, settings):
    with pytest.raises(TransientError, match="503"):
        sources.read(faq(site, "/busy"), settings)
    with pytest.raises(BadInput, match="404"):
        sources.read(faq(site, "/nowhere"), settings)
    site.shutdown()
    site.server_close()
    with pytest.raises(TransientError, match="not reachable"):
        sources.read(faq(site), settings)


def test_the_fingerprint_notices_an_edited_answer(site, settings):
    first = sources.fingerprint(faq(site), settings)
    assert first == sources.fingerprint(faq(site), settings)
    site.pages["/"] = site.pages["/"].replace("2 days", "4 days")
    assert first != sources.fingerprint(faq(site), settings)


def test_an_edited_answer_keeps_its_id(site, settings):
    before = {k.question: k.id for k in sources.read(faq(site), settings).knowledge}
    site.pages["/"] = site.pages["/"].replace("2 days", "4 days")
    assert {k.question: k.id for k in sources.read(faq(site), settings).knowledge} == before


@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff\xfe", b"<" * 5000, b"<div>" * 20_000, b'<script type="application/ld+json">[[']
)
def test_broken_pages_hold_nothing(body):
    assert parse_page(body, "https://x.example/").items == []
