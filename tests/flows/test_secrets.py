"""A token of a source travels with the settings through the flow, and Prefect keeps it nowhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, PREFECT_SERVER_DATABASE_CONNECTION_URL

from deskloop.errors import BadInput
from deskloop.origins import HelpdeskApiSource
from deskloop.settings import Settings
from tasks.acquire import acquire

TOKEN = "tok-5ecret-5ecret"
TICKET = {"id": 1, "status": 2, "updated_at": "2026-01-05T09:00:00Z", "description_text": "Where is my parcel?"}


class Freshdesk(BaseHTTPRequestHandler):
    """One ticket, for whoever has the server's token."""

    def do_GET(self) -> None:
        allowed = self.headers["Authorization"] == self.server.wanted
        listed = "/conversations" not in self.path and "filter=deleted" not in self.path
        body = json.dumps([TICKET] if listed else []).encode() if allowed else b"{}"
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def source() -> Iterator[HelpdeskApiSource]:
    from deskloop.sources.api import _auth

    server = ThreadingHTTPServer(("127.0.0.1", 0), Freshdesk)
    found = HelpdeskApiSource(
        kind="helpdesk_api",
        name="desk",
        vendor="freshdesk",
        url=f"http://127.0.0.1:{server.server_port}",
        token=TOKEN,
    )
    server.wanted = _auth(found)._form.format(_auth(found)._secret.get_secret_value())  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def kept(tmp_path: Path) -> list[Path]:
    """Every file in which Prefect or Deskloop could have left something."""
    database = Path(str(PREFECT_SERVER_DATABASE_CONNECTION_URL.value()).partition("///")[2])
    found = [*database.parent.glob("*"), *PREFECT_LOCAL_STORAGE_PATH.value().rglob("*"), *tmp_path.rglob("*")]
    return [path for path in found if path.is_file()]


def test_the_token_is_in_no_parameter_result_artifact_log_or_cache_key(
    source: HelpdeskApiSource, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "home", sources=(source,))
    wrong = source.model_copy(update={"name": "other", "token": type(source.token)("another-5ecret")})

    @flow(name="read-once")
    def once() -> int:
        with pytest.raises(BadInput, match="refused the token"):
            acquire(wrong, settings)
        return sum(batch.rows for batch in acquire(source, settings))

    assert once() == 1
    files = kept(tmp_path)
    assert any(b"read-once" in path.read_bytes() for path in files)  # the database is among them
    assert not [path for path in files if b"5ecret" in path.read_bytes()]
