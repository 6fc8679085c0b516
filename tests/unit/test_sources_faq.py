"""A crawl of a real local site: polite, bounded, and not a way into private networks."""

import gzip
import hashlib
import socket
import threading
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deskloop import ingest, sources
from deskloop.errors import BadInput, TransientError
from deskloop.origins import FaqSource
from deskloop.settings import Settings
from deskloop.sources.web import Reader, checked_addresses

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
    "/busy": (503, {"Retry-After": "0"}, "later"),
    "/loop": (302, {"Location": "/loop"}, ""),
    "/robots.txt": "User-agent: *\nDisallow: /secret\n",
    "/sitemap.xml": "<urlset><url><loc>{root}/acc</loc></url></urlset>",
}


class Site(BaseHTTPRequestHandler):
    """Pages by path: text or bytes, or a list of (status, headers, text) given one after the other."""

    def do_GET(self):
        self.server.asked.append(self.path)
        root = f"http://127.0.0.1:{self.server.server_port}"
        page = self.server.pages.get(self.path, (404, {}, "no"))
        page = (page.pop(0) if len(page) > 1 else page[0]) if isinstance(page, list) else page
        status, headers, body = page if isinstance(page, tuple) else (200, {}, page)
        body = body if isinstance(body, bytes) else body.replace("{root}", root).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
        headers = {"ETag": etag, "Date": formatdate(usegmt=True)} | headers
        asked = self.headers["If-None-Match"] or self.headers["If-Modified-Since"]
        if status == 200 and asked and asked in (headers["ETag"], headers.get("Last-Modified")):
            self.server.unchanged.append(self.path)
            status, body = 304, b""
        self.send_response_only(status)
        kind = "text/plain" if self.path == "/robots.txt" else "text/html; charset=utf-8"
        for name, value in ({"Content-Type": kind} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.asked, server.unchanged, server.pages = [], [], dict(PAGES)
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


def test_an_unchanged_site_costs_one_conditional_request_for_each_page(site, settings):
    before = sources.fingerprint(faq(site), settings)
    first = sources.read(faq(site), settings)
    pages = {"/", "/acc", "/returns"}
    assert site.unchanged == []  # the read after the fingerprint asks nothing again
    assert all(site.asked.count(page) == 1 for page in pages)
    assert sources.fingerprint(faq(site), settings) == before
    assert set(site.unchanged) == pages
    assert all(site.asked.count(page) == 2 for page in pages)
    assert sources.read(faq(site), settings) == first


def test_removed_answers_and_pages_are_gone_after_the_next_crawl(site, settings):
    sources.read(faq(site), settings)
    site.pages["/acc"] = site.pages["/acc"].replace('<dl><dt id="d">Do you rent?</dt><dd>No.</dd></dl>', "")
    del site.pages["/returns"]
    after = {k.question for k in sources.read(faq(site), settings).knowledge}
    assert after == {"How long does it take?", "Something is missing.", "Do you repair?"}


def test_a_recrawl_gives_what_a_first_crawl_would(site, settings, tmp_path):
    sources.read(faq(site), settings)
    site.pages["/acc"] += '<a href="/new">n</a>'
    site.pages["/new"] = "<h2>Is it new?</h2><p>Yes.</p>"
    site.pages["/"] = site.pages["/"].replace("2 days", "4 days").replace('<a href="/gone">g</a>', "")
    again = sources.read(faq(site), settings)
    assert again == sources.read(faq(site), Settings(home=tmp_path / "other"))


def test_a_crawl_that_was_cut_short_goes_on_where_it_was(site, settings):
    many = {f"/p{n}": f"<h2>Is it {n}?</h2><p>Yes.</p><a href='/p{n + 1}'>next</a>" for n in range(30)}
    site.pages |= {**many, "/": "<h2>Is it?</h2><p>Yes.</p><a href='/p0'>first</a>"}
    site.pages["/p25"] = [*[(503, {"Retry-After": "0"}, "")] * 4, (200, {}, many["/p25"])]
    with pytest.raises(TransientError, match="p25 answered 503"):
        sources.read(faq(site, max_depth=50), settings)
    assert len(sources.read(faq(site, max_depth=50), settings).knowledge) == 31 + 2  # and those of /acc
    assert {f"/p{n}" for n in range(15)} < set(site.unchanged)


@pytest.mark.parametrize(("age", "noticed"), [(0, True), (3600, False)])
def test_a_date_is_only_believed_of_a_page_that_had_not_just_changed(age, noticed, site, settings):
    """Last-Modified counts in seconds: a page can change again within the one in which it was read."""
    now = 1_790_000_000
    dates = {"ETag": "", "Last-Modified": formatdate(now - age, usegmt=True), "Date": formatdate(now, usegmt=True)}
    site.pages["/"] = (200, dates, "<h2>Is it open?</h2><p>Yes.</p>")
    before = sources.fingerprint(faq(site), settings)
    site.pages["/"] = (200, dates, "<h2>Is it open?</h2><p>No.</p>")
    assert (sources.fingerprint(faq(site), settings) != before) == noticed


def test_a_packed_sitemap_index_leads_to_pages_that_nothing_links_to(site, settings):
    site.pages["/robots.txt"] = "User-agent: *\nSitemap: {root}/maps/index.xml"
    site.pages["/maps/index.xml"] = "<sitemapindex><sitemap><loc>{root}/maps/a.xml.gz</loc></sitemap></sitemapindex>"
    hidden = f"http://127.0.0.1:{site.server_port}/hidden"
    site.pages["/maps/a.xml.gz"] = gzip.compress(f"<urlset><url><loc>{hidden}</loc></url></urlset>".encode())
    site.pages["/hidden"] = "<h2>Is it here?</h2><p>Yes.</p>"
    assert "Is it here?" in {k.question for k in sources.read(faq(site), settings).knowledge}


def test_depth_and_size_are_limited_and_what_was_left_out_is_told(site, settings):
    site.pages = {f"/{n or ''}": f"<h2>Is it {n}?</h2><p>Yes.</p><a href='/{n + 1}'>next</a>" for n in range(9)}
    deep = sources.read(faq(site, max_depth=2), settings)
    assert [k.question for k in deep.knowledge] == ["Is it 0?", "Is it 1?", "Is it 2?"]
    capped = sources.read(faq(site, max_pages=3), settings)
    assert [q.reason for q in capped.quarantined] == ["max_pages 3 reached, 1 or more not read"]
    site.pages["/1"] += " " * 1_500_000
    large = sources.read(faq(site, max_megabytes=1), settings)
    assert [q.reason for q in large.quarantined] == ["max_megabytes 1 reached, 1 or more not read"]


def test_crawl_delay_slows_the_reader_to_ten_seconds_at_most(site):
    for asked, pause in (("0.25", 0.25), ("3600", 10.0)):
        site.pages["/robots.txt"] = f"User-agent: *\nCrawl-delay: {asked}"
        with Reader("faq", f"http://127.0.0.1:{site.server_port}/", rate=1000, allow_private=True) as reader:
            reader.robots()
            assert reader.pause == pause


def test_a_busy_or_broken_answer_is_asked_for_again(site, settings):
    whole = PAGES["/returns"]
    cut = (200, {"Content-Length": "100000", "Connection": "close"}, whole[:300])
    site.pages["/returns"] = [(429, {"Retry-After": "0"}, ""), cut, (200, {}, whole)]
    assert "Can I return it?" in {k.question for k in sources.read(faq(site), settings).knowledge}
    assert site.asked.count("/returns") == 3


def test_a_site_that_asks_for_an_hour_is_left_alone(site, settings):
    site.pages["/busy"] = (503, {"Retry-After": "3600"}, "")
    with pytest.raises(TransientError, match="503"):
        sources.read(faq(site, "/busy"), settings)
    assert site.asked.count("/busy") == 1


def test_a_first_page_that_moved_says_where_to(site, settings):
    site.pages["/"] = (301, {"Location": "https://shop.example/help"}, "")
    with pytest.raises(BadInput, match=r"redirects to https://shop\.example/help; put"):
        sources.read(faq(site), settings)


def test_a_redirect_cannot_lead_into_the_private_network(site, settings):
    site.pages["/r"] = (302, {"Location": "http://169.254.169.254/latest/meta-data"}, "")
    site.pages["/"] += '<a href="/r">r</a>'
    refused = {q.locator: q.reason for q in sources.read(faq(site), settings).quarantined}
    assert refused["/latest/meta-data"] == "redirects away from the site"


@pytest.mark.parametrize(
    "answers",
    [["10.0.0.5"], ["93.184.215.14", "127.0.0.1"], ["::1"], ["::ffff:10.0.0.1"], ["64:ff9b::a00:1"], ["100.64.0.1"]],
)
def test_a_name_with_any_private_answer_is_refused(answers, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: [(2, 1, 6, "", (ip, 443)) for ip in answers])
    with pytest.raises(BadInput, match="private address"):
        checked_addresses("shop.example", 443, allow_private=False)


def test_a_name_that_changes_its_answer_gets_no_connection(monkeypatch):
    """The first answer is connected to by its number; the second, private one is refused at its own connection."""
    answers, connected = [["93.184.215.14"], ["127.0.0.1"]], []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: [(2, 1, 6, "", (ip, 80)) for ip in answers.pop(0)])

    def refuse(address, *args, **kwargs):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    with (
        Reader("faq", "http://rebind.example/", rate=1000, allow_private=False) as reader,
        pytest.raises(BadInput, match=r"rebind\.example is the private address 127\.0\.0\.1"),
    ):
        reader.get("http://rebind.example/")
    assert connected == [("93.184.215.14", 80)]


def test_a_dry_run_shows_what_would_be_taken_and_writes_nothing(site, settings, tmp_path):
    shown = ingest.preview(settings.model_copy(update={"sources": (faq(site),)}))
    assert shown["sources"][0]["knowledge"] == len(shown["samples"]) == 5
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
