"""The messages of an mbox file, read as a stream. Knows nothing about mail but the line that begins a message.

A `From ` line counts where it has the form that writers give it (an address or a time), so that a sentence which
begins with "From" stays in its message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from deskloop.sources.unpacked import open_bytes

_PIECE = 65_536
_BEGINS = re.compile(rb"From .*\d\d?:\d\d")
_AFTER_BLANK = re.compile(rb"From \S+@\S+\s")
_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]{1,60}:[ \t\r\n]")


def messages(path: Path, most_bytes: int) -> Iterator[tuple[bytes, str]]:
    """Each message, cut at `most_bytes` + 1, and the problem if the file ends early or is no mbox.

    What stands before the first `From ` line is a message too: a lost first line costs nothing, and a file without
    any is one message if it begins like one.
    """
    stream, raw = open_bytes(path)
    held, size, seen = bytearray(), 0, False
    with stream:
        fresh, blank = True, True
        while piece := stream.readline(_PIECE):
            if fresh and _separates(piece, blank, not size):
                if held.strip():
                    yield bytes(held), ""
                held, size, seen = bytearray(), 0, True
            else:
                size += len(piece)
                held += piece[: max(0, most_bytes + 1 - len(held))]
            blank = fresh and not piece.strip()
            fresh = piece.endswith(b"\n")
        if raw.problem:
            yield bytes(held), raw.problem
        elif not seen and held.strip() and not _HEADER.match(held.lstrip(b"\xef\xbb\xbf\r\n \t")):
            yield bytes(held[:1000]), "no line begins with `From `"
        elif held.strip():
            yield bytes(held), ""


def _separates(line: bytes, blank: bool, first: bool) -> bool:
    if not line.startswith(b"From "):
        return first and line.startswith(b"\xef\xbb\xbfFrom ")
    return bool(first or _BEGINS.match(line) or (blank and _AFTER_BLANK.match(line)))
