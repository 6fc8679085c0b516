"""The sample shop's website: served with what crawlers ask for, published later in parts."""

from __future__ import annotations

import httpx
import pytest

from deskloop.demo import write_project
from deskloop.demo.faq import AFTER_PAGES, entries
from deskloop.demo.project import publish_after
from deskloop.demo.site import main, serve
from deskloop.errors import BadInput
from deskloop.origins import FaqSource
from deskloop.settings import Settings
from deskloop.sources import faq


@pytest.fixture
def shop(tmp_path):
    write_project(tmp_path, 8399)
    return tmp_path


def test_a_crawl_of_the_site_finds_every_question_at_its_canonical_address(shop):
    with serve(shop / "site") as address:
        source = FaqSource(kind="faq", name="site", url=address, allow_private=True, rate=1000)
        batch = faq.read(source, Settings(home=shop / ".deskloop"))
    found = {(e.question, e.answer, e.url) for e in batch.knowledge}
    assert found == {(e.question, e.answer, e.url) for e in entries() if not e.after}


def test_publishing_adds_the_after_pages_and_leaves_the_others_as_they_were(shop):
    before = {p.name: (p.read_bytes(), p.stat().st_mtime) for p in (shop / "site").iterdir()}
    assert publish_after(shop / "site") == ["strike.html", "volt.html"]
    grown = {p.name: (p.read_bytes(), p.stat().st_mtime) for p in (shop / "site").iterdir()}
    assert {n for n in before if grown[n] != before[n]} == {"index.html", "sitemap.xml"}
    sitemap = (shop / "site" / "sitemap.xml").read_text()
    assert all(f"http://127.0.0.1:8399/{page}.html" in sitemap for page in AFTER_PAGES)


def test_an_unchanged_page_is_not_sent_twice(shop):
    with serve(shop / "site") as address:
        first = httpx.get(f"{address}returns.html", trust_env=False)
        tag, day = first.headers["ETag"], first.headers["Last-Modified"]
        assert httpx.get(f"{address}returns.html", headers={"If-None-Match": tag}, trust_env=False).status_code == 304
        assert (
            httpx.get(f"{address}returns.html", headers={"If-Modified-Since": day}, trust_env=False).status_code
            == 304
        )
        (shop / "site" / "returns.html").write_text("<h1>New</h1>")
        again = httpx.get(f"{address}returns.html", headers={"If-None-Match": tag}, trust_env=False)
    assert (again.status_code, again.text) == (200, "<h1>New</h1>")


def test_nothing_outside_the_folder_is_served(shop):
    with serve(shop / "site") as address:
        answers = [httpx.get(address + path, trust_env=False) for path in ("%2e%2e/deskloop.yaml", "nowhere.html")]
    assert [a.status_code for a in answers] == [404, 404]


def test_a_project_that_is_there_is_left_as_it_was_changed(shop):
    config = shop / "deskloop.yaml"
    config.write_text("effort: thorough\n")
    (shop / "site" / "returns.html").write_text("changed")
    assert write_project(shop, 8399) == config
    assert config.read_text() == "effort: thorough\n"
    assert (shop / "site" / "returns.html").read_text() == "changed"


def test_a_wrong_folder_or_a_taken_port_is_told_in_one_line(shop, capsys):
    assert main([str(shop / "nowhere"), "0"]) == 2
    assert "index.html" in capsys.readouterr().err
    with serve(shop / "site") as address, pytest.raises(BadInput, match="not free"):
        serve(shop / "site", int(address.rstrip("/").rsplit(":", 1)[1])).__enter__()
