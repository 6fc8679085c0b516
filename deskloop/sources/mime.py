"""Raw e-mail messages to decoded text: odd charsets, HTML-only bodies, broken headers. Knows no mailboxes."""

from __future__ import annotations

from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from itertools import count
from typing import Any, cast

from deskloop.records import Attachment
from deskloop.text.html import looks_like_html, to_text

_MOST_CHARS = 1_000_000
_LONGEST_NAME = 200
_MOST_PARTS = 1_000
_LONGEST_HEADER = 100_000  # characters
_LONGEST_PARAMETERS = 2_000


class _Bounded(Compat32):
    """Long headers are cut: the library takes quadratic time over some of them."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Name and value of a header."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[: _LONGEST_PARAMETERS if name.lower().startswith("content-") else _LONGEST_HEADER]


def parse(raw: bytes) -> Message:
    """Parse a raw message. Damage ends up in the body; raises ValueError on what nobody's mail looks like."""
    parts = count()

    def part(policy: Any) -> Any:
        if next(parts) > _MOST_PARTS:
            raise ValueError(f"more than {_MOST_PARTS:,} parts")
        return Message(policy)

    try:
        return BytesParser(cast(Any, part), policy=_Bounded()).parsebytes(raw)
    except RecursionError:
        raise ValueError("parts nested too deep") from None


def header(message: Message, name: str) -> str:
    """A header's decoded value on one line, empty if absent or unreadable."""
    raw = message.get(name)
    if raw is None:
        return ""
    try:
        pieces = decode_header(str(raw))
    except (ValueError, LookupError, UnicodeError, HeaderParseError):
        return " ".join(str(raw).split())
    text = "".join(decode(p, charset) if isinstance(p, bytes) else p for p, charset in pieces)
    return " ".join(text.split())


def body_text(message: Message) -> str:
    """The message's own text: the plain part, or the HTML part as text where that is all there is."""
    plain = html = ""
    for part in message.walk():
        if part.is_multipart() or "attachment" in str(part.get("Content-Disposition", "")).lower():
            continue
        kind = part.get_content_type()
        if kind == "text/plain" and not plain.strip():
            plain = _decoded(part)
        elif kind == "text/html" and not html.strip():
            html = _decoded(part)
    if plain.strip() and not looks_like_html(plain):
        return _unflowed(plain, message)
    return to_text(html or plain, quotes=True)


def attachments(message: Message) -> Iterator[Attachment]:
    """Files that hang on the message, with their size unpacked; pictures inside a signature too."""
    for part in message.walk():
        name = _file_name(part)
        hangs = "attachment" in str(part.get("Content-Disposition", "")).lower()
        if part.is_multipart() or not (name or hangs):
            continue
        yield Attachment(name=name or "unnamed", type=part.get_content_type(), size=_size(part))


def _size(part: Message) -> int | None:
    told = str(part.get_param("size") or "")  # where the content itself was left out, see `outlook`
    content = part.get_payload(decode=True)
    return int(told) if told.isdigit() else len(content) if isinstance(content, bytes) else None


def _file_name(part: Message) -> str:
    try:
        return " ".join(str(part.get_filename() or "").split())[:_LONGEST_NAME]
    except (ValueError, LookupError, UnicodeError, TypeError):
        return "unreadable"


def decode(data: bytes, charset: str | None) -> str:
    """Decode bytes by the charset they claim, else UTF-8, else Windows-1252, which reads nearly anything."""
    for name in (charset, "utf-8", "cp1252"):
        try:
            if name and name.lower() not in ("unknown-8bit", "x-unknown", "8bit"):
                return data.decode(name)
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return data.decode("latin-1")


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    return decode(payload, part.get_content_charset())[:_MOST_CHARS].replace("\r\n", "\n").replace("\r", "\n")


def _unflowed(text: str, message: Message) -> str:
    """Join soft line ends of format=flowed (RFC 3676)."""
    if str(message.get_param("format", "")).lower() != "flowed":
        return text
    out: list[str] = []
    for line in text.split("\n"):
        soft = bool(out) and out[-1].endswith(" ") and out[-1] != "-- "
        if soft and not line.startswith(">") and not out[-1].startswith(">"):
            out[-1] += line
        else:
            out.append(line)
    return "\n".join(out)
