"""A source that fails: what may pass is tried again, what a person has to mend is told at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from deskloop.errors import BadInput
from deskloop.releases import Releases
from deskloop.sources.retry import TRIES

FAQ = b"<title>Help</title><h2>Do you wrap presents?</h2><p>Yes, for 3 euro.</p>"


class Shaky(BaseHTTPRequestHandler):
    """Answers with the statuses that its server still has in store, then with the page."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        page = FAQ if status == 200 and self.path == "/help" else b""
        self.send_response(status if page or status != 200 else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def shaky() -> Iterator[Any]:
    """A site whose next answers a test chooses: `shaky.statuses`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shaky)
    server.statuses, server.asked = [], []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def change_source(project: Path, name: str, **values: Any) -> None:
    """Edit one source of the project's configuration."""
    path = project / "deskloop.yaml"
    config = yaml.safe_load(path.read_text("utf-8"))
    next(source for source in config["sources"] if source["name"] == name).update(values)
    path.write_text(yaml.safe_dump(config), "utf-8")


def test_a_site_that_is_down_for_a_moment_is_asked_again(
    train: Callable[..., Any], tiny_project: Path, shaky: Any
) -> None:
    change_source(tiny_project, "faq", url=f"http://127.0.0.1:{shaky.server_port}/help")
    # the fingerprint of the source gives up, and so does the first try
    shaky.statuses = [503] * (2 * TRIES)
    ran = train()
    assert ran.outcome.promoted and ran.states["acquire-faq"] == "Completed"
    assert ran.tries["acquire-faq"] == 2 and shaky.asked.count("/help") == 1
    # what the second try read is known by its content, so that an unchanged site is not read again
    assert train().states["acquire-faq"] == "Cached"


@pytest.mark.parametrize(
    ("source", "values", "told"),
    [
        ("faq", {"url": "http://127.0.0.1:{port}/gone"}, "source faq: http://127.0.0.1:{port}/gone answered 404"),
        ("mail", {"path": "gone.mbox"}, "gone.mbox does not exist"),
    ],
    ids=["404", "missing file"],
)
def test_what_a_person_has_to_mend_fails_at_once_with_one_line(
    train: Callable[..., Any],
    tiny_project: Path,
    shaky: Any,
    releases: Releases,
    source: str,
    values: dict[str, str],
    told: str,
) -> None:
    port = shaky.server_port
    change_source(tiny_project, source, **{name: value.format(port=port) for name, value in values.items()})
    ran = train()
    assert isinstance(ran.outcome, BadInput)
    assert told.format(port=port) in str(ran.outcome) and "\n" not in str(ran.outcome)
    assert ran.states[f"acquire-{source}"] == "Failed" and ran.tries[f"acquire-{source}"] == 1
    assert "preprocess" not in ran.states and releases.all() == []
