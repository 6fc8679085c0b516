"""Serves the sample shop's website on this host alone: `python -m deskloop.demo.site FOLDER PORT`.

Files as they are, with ETag (of the content) and Last-Modified, so that a crawler can ask what changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
import threading
from collections.abc import Iterator
from email.utils import formatdate, parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from deskloop.errors import BadInput

HOST = "127.0.0.1"


class Pages(SimpleHTTPRequestHandler):
    """Static files of one folder, folders only through their index."""

    protocol_version = "HTTP/1.1"
    server_version = "larkfell"
    sys_version = ""
    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".xml": "application/xml",
        ".txt": "text/plain; charset=utf-8",
    }

    def do_GET(self) -> None:
        """A file, 304 where the client has it already, or 404."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """The headers of a file."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a crawl would only fill the log."""

    def _answer(self, with_body: bool) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path = path / "index.html"
        try:
            body, changed = path.read_bytes(), int(path.stat().st_mtime)
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND, "There is no such page")
            return
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        known = self._known(etag, changed)
        self.send_response(HTTPStatus.NOT_MODIFIED if known else HTTPStatus.OK)
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", formatdate(changed, usegmt=True))
        self.send_header("Cache-Control", "no-cache")
        if not known:
            self.send_header("Content-Type", self.guess_type(path.name))
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body and not known:
            self.wfile.write(body)

    def _known(self, etag: str, changed: int) -> bool:
        """Whether the client's copy is this one (RFC 9110, 13.2.2: the tag wins over the date)."""
        if tags := self.headers.get("If-None-Match"):
            return tags.strip() == "*" or etag in [t.strip().removeprefix("W/") for t in tags.split(",")]
        try:
            since = parsedate_to_datetime(self.headers.get("If-Modified-Since", ""))
        except (TypeError, ValueError):
            return False
        return changed <= since.timestamp()


@contextlib.contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve `folder` in the background. Gives the address, with a free port where `port` is 0."""
    server = _server(folder, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _server(folder: Path, port: int) -> ThreadingHTTPServer:
    if not (folder / "index.html").is_file():
        raise BadInput(f"{folder} holds no index.html; give the folder of a site")
    try:
        return ThreadingHTTPServer((HOST, port), partial(Pages, directory=str(folder)))
    except OSError as error:
        raise BadInput(f"port {port} on {HOST} is not free ({error.strerror}); choose another") from None


def main(arguments: list[str]) -> int:
    """Serve until interrupted."""
    try:
        if len(arguments) != 2 or not arguments[1].isdigit():
            raise BadInput(f"expected FOLDER PORT, got {' '.join(arguments) or 'nothing'}")
        server = _server(Path(arguments[0]), int(arguments[1]))
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever(poll_interval=0.2)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
