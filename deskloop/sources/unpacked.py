"""A file's bytes or text as a stream: gzip unpacked as far as it goes, the encoding told by marks and NULs.

Damage ends the stream and stands in `problem`; it is never raised, so that what came before it is kept.
Memory does not grow with the file. Knows no rows.
"""

from __future__ import annotations

import codecs
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from deskloop.errors import BadInput

LONGEST_LINE = 8_000_000  # characters
NOT_UTF8 = "not UTF-8"
_GZIP = b"\x1f\x8b\x08"  # gzip knows one method; other text may begin with the first two bytes
_PIECE = 65_536
_BOMB_BYTES = 100_000_000  # what unpacks to more than this ...
_BOMB_RATIO = 200  # ... and to so many times its size is no export; text packs to a third, logs to a fiftieth
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_ESCAPED = re.compile("[\udc80-\udcff]")
_WIDE = re.compile("[^\x00-\x7f\udc80-\udcff]")


class Unpacked(io.RawIOBase):
    """The content of a file, unpacked where it is gzip, whatever its name says. Raises BadInput if it cannot open."""

    def __init__(self, path: Path) -> None:
        self.problem = ""
        try:
            self._file = path.open("rb")
            self._inflate = zlib.decompressobj(31) if self._file.read(3) == _GZIP else None
            self._file.seek(0)
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror or error}") from None
        self._packed, self._ready = b"", b""
        self._eaten = self._given = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as one piece goes. Returns the number of bytes, 0 at the end or at damage."""
        while not self._ready and not self.problem and self._next():
            pass
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        self._given += count
        return count

    def _next(self) -> bool:
        """Get the next piece ready. False at the end."""
        try:
            packed = self._packed or self._file.read(_PIECE)
        except OSError as error:
            return self._ends(f"the file cannot be read on ({error.strerror or error})")
        self._packed = b""
        if self._inflate is None:
            self._ready = packed
            return bool(packed)
        if self._inflate.eof:
            packed = packed.lstrip(b"\x00")  # padding between or after members
            self._inflate = zlib.decompressobj(31) if packed else self._inflate
        if not packed:
            self._ready = b"" if self._inflate.eof else self._inflate.flush()
            return self._ends("" if self._inflate.eof else "the packed file is cut off here")
        return self._unpack(self._inflate, packed)

    def _unpack(self, inflate: Any, packed: bytes) -> bool:
        before = inflate.copy()
        try:
            self._ready = inflate.decompress(packed, 16 * _PIECE)
        except zlib.error as error:
            self._ready = _until_damage(before, packed)
            return self._ends(f"the packed file is damaged here ({error})")
        self._packed = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
        self._eaten += len(packed) - len(self._packed)
        if self._given > max(_BOMB_BYTES, _BOMB_RATIO * self._eaten):
            self._ready = b""
            return self._ends(f"unpacks to more than {_BOMB_RATIO} times its size: cut here; give it unpacked")
        return True

    def _ends(self, problem: str) -> bool:
        self.problem = problem
        return False


def _until_damage(inflate: Any, packed: bytes) -> bytes:
    """What comes out before the error; zlib gives nothing of a piece that holds one, so it is fed byte by byte."""
    out = bytearray()
    try:
        for at in range(len(packed)):
            out += inflate.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    return bytes(out)


class Text:
    """The characters of a file. Bytes that are not UTF-8 come as lone surrogates, for `mended` to read."""

    def __init__(self, path: Path) -> None:
        self._raw = Unpacked(path)
        buffered = io.BufferedReader(self._raw, 4 * _PIECE)
        name = _encoding(buffered.peek(4096)[:4096])
        errors = "surrogateescape" if name.startswith("utf-8") else "replace"
        self._stream = io.TextIOWrapper(buffered, name, errors, newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    @property
    def problem(self) -> str:
        """Why the text ended early, once it has."""
        return self._raw.problem

    def read(self, count: int) -> str:
        """At most `count` characters; empty at the end."""
        return self._stream.read(count)

    def lines(self) -> Iterator[tuple[int, str, str]]:
        """Number, text and problem of each line; what is too long is passed over in pieces."""
        number = 0
        while line := self._stream.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
                while (rest := self._stream.readline(LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
                    pass
                yield number, line[:1000], "line too long"
            elif self.problem and not line.endswith(("\n", "\r")):
                break  # half a row is none
            else:
                text = mended(line)
                yield number, text if text is not None else _replaced(line), NOT_UTF8 if text is None else ""
        if self.problem:
            yield number + 1, "", self.problem


def open_bytes(path: Path) -> tuple[io.BufferedReader, Unpacked]:
    """A buffered stream of the file's bytes, and what knows the problem once it has ended. Raises BadInput."""
    raw = Unpacked(path)
    return io.BufferedReader(raw, 4 * _PIECE), raw


def mended(text: str) -> str | None:
    """Text whose odd bytes are read as Windows-1252; None if most of it is UTF-8, so that it was damaged."""
    if text.isascii() or not (odd := _ESCAPED.findall(text)):
        return text
    if len(_WIDE.findall(text)) >= len(odd):
        return None
    from deskloop.sources.mime import decode

    return decode(text.encode("utf-8", "surrogateescape"), "cp1252")


def _replaced(text: str) -> str:
    return _ESCAPED.sub("\ufffd", text)


def _encoding(head: bytes) -> str:
    """By its mark; without one, every other byte a NUL tells UTF-16."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) >= 8 and max(even, odd) * 5 > len(head) * 2 and min(even, odd) * 20 < len(head):
        return "utf-16-be" if even > odd else "utf-16-le"
    return "utf-8"
