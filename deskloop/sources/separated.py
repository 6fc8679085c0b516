"""Rows out of CSV and TSV, read as a stream. A formula is text like any other: kept as it stands, never evaluated.

A quote that never closes costs its own line: a record over several lines that does not hold is read again from
its second line on. Knows nothing about columns' meaning.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from deskloop.sources.tables import Row
from deskloop.sources.unpacked import LONGEST_LINE, NOT_UTF8, Text

_MARKS = ",;\t|"
_AGAIN = 4  # lines may be read again up to so many times the file in all, so that no file takes for ever
_AGAIN_AT_LEAST = 32_000_000  # characters


class _Lines:
    """The lines of a file for `csv.reader`; those `taken` for a record can be given back."""

    def __init__(self, text: Text) -> None:
        self._fresh = text.lines()
        self._again: deque[tuple[int, str, str]] = deque()
        self._read = self._given = 0
        self.taken: list[tuple[int, str, str]] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        item = self._again.popleft() if self._again else self._next()
        if item[2] and item[2] != NOT_UTF8 and self.taken:
            self._again.appendleft(item)  # no record goes over a broken line
            raise StopIteration
        self.taken.append(item)
        return "" if item[2] and item[2] != NOT_UTF8 else item[1].replace("\x00", "")

    def _next(self) -> tuple[int, str, str]:
        item = next(self._fresh)
        self._read += len(item[1])
        return item

    def give_back(self) -> bool:
        """Give back all lines but the first, if that is not asked too often."""
        size = sum(len(item[1]) for item in self.taken)
        if self._given + size > max(_AGAIN_AT_LEAST, _AGAIN * self._read):
            return False
        self._given += size
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
        return True


def separated(path: Path, separator: str | None) -> Iterator[Row]:
    """Rows below the first line, which names the columns; without a separator the one that most stands there."""
    csv.field_size_limit(LONGEST_LINE)
    with Text(path) as text:
        lines = _Lines(text)
        mark, columns = separator or "", list[str]()
        while True:
            lines.taken = []
            try:
                first = next(lines)
            except StopIteration:
                return
            number, _, problem = lines.taken[0]
            where = f"{path.name}:{number}"
            if problem and problem != NOT_UTF8:
                yield Row(where, None, problem, lines.taken[0][1])
                continue
            if not columns:
                if first.startswith("sep=") and len(first.strip()) == 5:  # Excel's own hint
                    mark = first.strip()[4]
                    continue
                mark = mark or max(_MARKS, key=first.count)
            cells, problem = _record(lines, first, mark, len(columns))
            if not any(cells) and not problem:
                continue
            if not columns and not problem:
                columns = [c.strip().removeprefix("\ufeff") for c in cells]
            elif problem:
                yield Row(where, None, problem, "".join(line for _, line, _ in lines.taken)[:1000])
            else:
                yield Row(where, dict(zip(columns, cells, strict=True)), raw=mark.join(cells))


def _record(lines: _Lines, first: str, mark: str, width: int) -> tuple[list[str], str]:
    """The cells of the record that begins with the line `first`, and the problem if it does not hold."""
    cells, problem = _cells(_with(first, lines), mark, strict=False)
    if len(lines.taken) > 1 and (problem or _spoilt(lines.taken, mark, width)):
        if lines.give_back():
            return [], "a quote is not closed"
        return cells, problem or "a quote is not closed"
    if any(item[2] for item in lines.taken):
        return cells, NOT_UTF8
    if not problem and width and any(cells):
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if len(cells) != width:
            problem = f"expected {width} cells, got {len(cells)}"
    return cells, problem


def _with(first: str, lines: _Lines) -> Iterator[str]:
    yield first
    yield from lines


def _cells(lines: Iterator[str], mark: str, strict: bool) -> tuple[list[str], str]:
    try:
        return next(csv.reader(lines, delimiter=mark, strict=strict), []), ""
    except csv.Error as error:
        return [], f"not {mark!r}-separated ({error})"


def _spoilt(taken: list[tuple[int, str, str]], mark: str, width: int) -> bool:
    """Whether a record over several lines breaks the rules, which a reader forgives: it swallowed other rows."""
    cells, problem = _cells((line.replace("\x00", "") for _, line, _ in taken), mark, strict=True)
    return bool(problem) or bool(width and len(cells) != width)
