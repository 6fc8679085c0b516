"""Rows out of JSON lines and JSON arrays, read as a stream: one row in memory, and the way found back after a break.

An array stands bare or under a usual key of an object; several such documents may follow each other in a file.
Python's own scanner over a moving window: streaming parsers (ijson) stop for good at the first break.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deskloop.sources.tables import Row
from deskloop.sources.unpacked import LONGEST_LINE, NOT_UTF8, Text, mended

_WINDOW = 100_000  # characters; each error that Python's scanner raises counts the window's lines
_HEAD = 1_000_000  # characters in which a document too large to be seen whole must name its list
_TRIED, _TRIED_AT_LEAST = 4, 50_000_000  # times what was read, characters
_BLANK = " \t\r\n\x00\ufeff"
_SPACE = re.compile(f"[{_BLANK},]*")
_BLANKS = re.compile(f"[{_BLANK}]*")
_COLON = re.compile(f"[{_BLANK}]*:?[{_BLANK}]*")
_OPENS = re.compile(r'\{\s*"')
_FIRST_KEY = re.compile(r'\{\s*"([^"\\]*)"')
_ENDS = re.compile(f"[{_BLANK}]*(?:[,\\]]|$)")
_NEST = re.compile(r'(?:(?:\{\s*"[^"\\]*"\s*:|\[)\s*){100,}+')
_TOO_DEEP = "(nested too deep)"
_DOCUMENT = re.compile(r"[\r\n]\s*(?=[{\[])")
_ROWS_KEYS = ("chats", "conversations", "payload", "data", "results", "tickets", "messages")
_ROWS_KEY = re.compile(rf'"(?:{"|".join(_ROWS_KEYS)})"\s*:\s*\[')
_DECODER = json.JSONDecoder(strict=False)  # a raw tab or NUL inside a string is the writer's slip, and readable


def json_lines(path: Path) -> Iterator[Row]:
    """A row a line; a bad line is told and the next one read. An array in a file so named is read as one."""
    with Text(path) as text:
        listed = text.read(4096).lstrip(_BLANK)
    if re.match(r"\[\s*(?:\{|$)", listed):
        yield from json_rows(path)
        return
    with Text(path) as text:
        for number, line, problem in text.lines():
            line = line.strip(_BLANK)
            if problem:
                yield Row(f"{path.name}:{number}", None, problem, line[:1000])
            elif line:
                yield _parsed(f"{path.name}:{number}", line)


def json_rows(path: Path) -> Iterator[Row]:
    """The rows of each document of the file, in order; a break costs the row that it is in."""
    with Text(path) as text:
        yield from _Reader(path.name, text).documents()


def beside(path: Path, key: str) -> Iterator[dict[str, Any]]:
    """The objects of another list at the top of a document of rows, such as the users side-loaded with tickets."""
    with Text(path) as text:
        yield from _Reader(path.name, text).beside(key)


def _parsed(where: str, line: str) -> Row:
    try:
        value = _DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        return Row(where, None, f"not JSON ({str(error)[:80]})", line[:1000])
    if not isinstance(value, dict):
        return Row(where, None, f"expected an object, got {type(value).__name__}", line[:1000])
    return Row(where, value, raw=line)


class _Reader:
    """A window that moves over the text; `at` is the place in it."""

    def __init__(self, name: str, text: Text) -> None:
        self.name, self.text = name, text
        self.data, self.at, self.number, self.passed, self.told = "", 0, 0, 0, False
        self.reached = self.beyond = self.tried = 0  # characters that were read in vain, for there is a limit to it
        self.keys: frozenset[str] = frozenset()  # of the last good row, by which one is known again after a break

    def documents(self) -> Iterator[Row]:
        first = True
        while self._skip():
            if self.data[self.at] == "[":
                self.at += 1
                yield from self._array()
            elif self.data[self.at] == "{":
                yield from self._object(first)
            else:
                yield self._broken("expected a list or an object")
                self._next_document()
            first = False
        if self.text.problem and not self.told:
            yield self._broken("")

    def beside(self, key: str) -> Iterator[dict[str, Any]]:
        """The objects of the lists under `key` at the top of the documents, up to the first break between them."""
        while self._skip() and self.data[self.at] in "[{":
            self.at += 1
            if self.data[self.at - 1] == "[":
                deque(self._array(), maxlen=0)
            else:
                yield from self._members(key)

    def _members(self, key: str) -> Iterator[dict[str, Any]]:
        """The same of the object whose brace was just passed; what stands under other keys is passed over."""
        while self._skip():
            if self.data[self.at] == "}":
                self.at += 1
                return
            name, self.at, problem = self._value()
            if not problem and self._skip(_COLON) and self.data[self.at] == "[":
                self.at += 1
                yield from (row.value for row in self._array() if name == key and row.value)
            elif not problem:
                _, self.at, problem = self._value()
            if problem:
                self._end()

    def _object(self, first: bool) -> Iterator[Row]:
        """A document: the rows in it, or itself the row. One too large to be seen whole is entered at its list."""
        value, end, problem = self._value()
        seen = end if not problem else self.at + _HEAD * first
        inside = _ROWS_KEY.search(self.data, self.at, seen)
        if not problem and (_is_row(value) or not inside):
            yield self._row(value, end)
        elif inside:
            after = self.passed + end
            self.at = inside.end()
            yield from self._array()
            if problem:
                self._next_document()
            else:
                self.at = max(self.at, after - self.passed)
        else:
            yield self._broken(problem)
            self._next_document()

    def _array(self) -> Iterator[Row]:
        while self._skip():
            if self.data[self.at] == "]":
                self.at += 1
                if not self._goes_on():
                    return
                yield self._broken("a bracket closes the list too early")
            value, end, problem = self._value()
            if not problem and isinstance(value, str) and not _ENDS.match(self.data, end):
                problem = "not JSON (a quote is not closed)"
            if not problem:
                yield self._row(value, end)
                continue
            first_key = _FIRST_KEY.match(self.data, self.at)
            yield self._broken(problem)
            if not self._resume(first_key[1] if first_key else None):
                return
        yield self._broken("the file ends within the list")

    def _goes_on(self) -> bool:
        """Whether a row like those before follows the bracket that closed the list."""
        if not self._skip(_BLANKS) or self.data[self.at] != "," or not self._skip():
            return False
        key = _FIRST_KEY.match(self.data, self.at)
        return bool(key and key[1] in self.keys and self._fits())

    def _row(self, value: Any, end: int) -> Row:
        raw = self.data[self.at : end]
        self.at = end
        self.number += 1
        where = f"{self.name}:{self.number}"
        if not isinstance(value, dict):
            return Row(where, None, f"expected an object, got {type(value).__name__}", raw[:1000])
        self.keys = frozenset(value)
        fixed = mended(raw)
        if fixed is None:
            return Row(where, None, NOT_UTF8, raw[:1000].encode("utf-8", "replace").decode())
        return Row(where, value if fixed is raw else _DECODER.decode(fixed), raw=fixed)

    def _broken(self, problem: str) -> Row:
        self.number += 1
        self.told = bool(self.text.problem)
        raw = self.data[self.at : self.at + 1000].encode("utf-8", "replace").decode()
        return Row(f"{self.name}:{self.number}", None, self.text.problem or problem, raw)

    def _value(self) -> tuple[Any, int, str]:
        """The value that begins here, its end in the window, and the problem if there is no whole one."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self.data, self.at)
                self.reached = end
                if end < len(self.data) or not self._more():
                    return value, end, ""
            except json.JSONDecodeError as error:
                self.reached = error.pos
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self.data) - 12
                long = len(self.data) - self.at > LONGEST_LINE
                if not cut or long or not self._more():
                    reason = "row too long" if cut and long else f"not JSON ({error.msg[:80]})"
                    return None, self.at, reason
            except (ValueError, RecursionError) as error:
                nest = _NEST.match(self.data, self.at)
                self.reached = nest.end() if nest else self.at
                return None, self.at, f"not JSON {_TOO_DEEP}" if nest else f"not JSON ({str(error)[:80]})"

    def _resume(self, first_key: str | None) -> bool:
        """Go to the next place that reads like a row: keys as before, or at least the broken row's first one."""
        self.at += 1
        while True:
            while found := _OPENS.search(self.data, self.at):
                self.at = found.start()
                key = _FIRST_KEY.match(self.data, self.at)
                if key and (key[1] in self.keys if self.keys else first_key in (None, key[1])) and self._fits():
                    return True
                self.at = max(self.at + 1, self.beyond)
                if self.tried > _TRIED_AT_LEAST + _TRIED * (self.passed + self.at):
                    self._end()
                    return False
            self.at = max(self.at, len(self.data) - 1)
            if not self._more():
                self.at = len(self.data)
                return False

    def _end(self) -> None:
        """Give up: what is left is one broken row."""
        while self._more():
            self.at = len(self.data)
        self.at = len(self.data)

    def _fits(self) -> bool:
        value, _, problem = self._value()
        self.tried += self.reached - self.at
        self.beyond = self.reached if problem.endswith(_TOO_DEEP) else 0
        return not problem and (not self.keys or 2 * len(self.keys & set(value)) > len(self.keys | set(value)))

    def _next_document(self) -> None:
        """Go to the next line that begins a document, or to the end."""
        while True:
            if found := _DOCUMENT.search(self.data, self.at):
                self.at = found.end()
                return
            self.at = max(self.at, len(self.data) - 1)
            if not self._more():
                self.at = len(self.data)
                return

    def _skip(self, passed: re.Pattern[str] = _SPACE) -> bool:
        """Pass over what stands between rows. False at the end of the text."""
        while True:
            blank = passed.match(self.data, self.at)
            self.at = blank.end() if blank else self.at
            if self.at < len(self.data):
                return True
            if not self._more():
                return False

    def _more(self) -> bool:
        """Drop what is behind and read on: as much again as is left, so that a long row costs twice at most."""
        piece = self.text.read(max(_WINDOW, len(self.data) - self.at))
        if piece:
            self.data, self.passed, self.at = self.data[self.at :] + piece, self.passed + self.at, 0
        return bool(piece)


def _is_row(value: dict[str, Any]) -> bool:
    """Whether an object with a list is itself one conversation, its list the turns, and not a page of rows."""
    turns: list[Any] = next((value[k] for k in _ROWS_KEYS if isinstance(value.get(k), list)), [])
    said = turns[0] if turns and isinstance(turns[0], dict) else {}
    return "id" in value or "role" in said or "from" in said
