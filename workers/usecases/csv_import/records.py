"""Records of a CSV file (RFC 4180), each within limits: a stray quote costs its own line, never the lines behind it.

A record whose quote is never closed, or closed where none can be, is refused as the one line it began in, and reading
goes on with the next physical line. Every line belongs to exactly one record, so that rows can be counted.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from workers.cloudevents import Refusal
from workers.usecases.csv_import.lines import Line, Lines

LONGEST_RECORD = 1_000_000
"""Bytes of a record over all its lines."""
MOST_LINES = 2_000
"""Physical lines of one record: a text of that many is a document, not a cell."""
LONGEST_CELL = 131_072
"""Characters of a cell, as Python's csv module has it by default."""

IsRow = Callable[[Sequence[str]], bool]
"""Tells whether cells look like a whole row of the table at hand."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its first line, its bytes and cells, or why it is none and at which cell (from 0) that shows."""

    line: int
    raw: bytes
    cells: Sequence[str]
    ended: bool = True
    fault: str = ""
    reason: Refusal = Refusal.BAD_ROW
    at: int = -1


class Records:
    """The records of a file behind its header."""

    def __init__(self, lines: Lines, delimiter: str, width: int, is_row: IsRow) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._width = width
        self._is_row = is_row
        self._alone_before = 0

    def __iter__(self) -> Iterator[Record]:
        """Give record after record; lines with nothing in them are none."""
        while (line := self._lines.next()) is not None:
            if line.fault:
                yield Record(line.number, line.raw, (), fault=line.fault, reason=line.reason)
            elif '"' not in line.text:
                cells = line.text.rstrip("\r\n").split(self._delimiter)
                if len(cells) > 1 or cells[0].strip():
                    yield self._record(line, [line], cells)
            elif line.number < self._alone_before:
                yield self._alone(line)
            else:
                yield from self._quoted(line)

    def _record(self, first: Line, lines: Sequence[Line], cells: Sequence[str]) -> Record:
        raw = first.raw if len(lines) == 1 else b"".join(each.raw for each in lines)
        for at, cell in enumerate(cells) if len(raw) > LONGEST_CELL else ():
            if len(cell) > LONGEST_CELL:
                detail = f"The cell has {len(cell):,} characters; at most {LONGEST_CELL:,} are read. Shorten it."
                return Record(first.number, raw, (), fault=detail, at=at)
        return Record(first.number, raw, cells, lines[-1].ended)

    def _alone(self, line: Line) -> Record:
        """Read a line that a stray quote before it had swallowed; nothing may go on behind its end."""
        cells, used = self._parse(line, most=1)
        return self._refused(line, used) if cells is None else self._record(line, [line], cells)

    def _quoted(self, line: Line) -> Iterator[Record]:
        """Read a record that may go on over several lines."""
        cells, used = self._parse(line, most=MOST_LINES)
        if len(used) == 1:
            yield self._refused(line, used) if cells is None else self._record(line, used, cells)
            return
        if cells is not None and len(cells) == self._width:
            if all(self._stands_alone(each) for each in used):
                yield from self._ambiguous(used)
            else:
                yield self._record(line, used, cells)
            return
        if cells is not None and not any(self._stands_alone(each) for each in used[1:]):
            yield self._record(line, used, cells)
            return
        # The quote was stray: its line alone is refused, and what it swallowed is read again, line by line. The last
        # line is where the quote ended, so a quote of its own may go on from there. Each line is so read twice at most.
        self._alone_before = used[-1].number
        self._lines.put_back(used[1:])
        yield self._refused(line, used)

    def _parse(self, line: Line, *, most: int) -> tuple[Sequence[str] | None, list[Line]]:
        """Return the cells of the record that begins with a line, or None, and the lines that it took."""
        used = [line]

        def texts() -> Iterator[str]:
            size = len(line.raw)
            yield line.text
            while len(used) < most and size < LONGEST_RECORD and (following := self._lines.next()) is not None:
                if following.fault:
                    self._lines.put_back([following])
                    return
                used.append(following)
                size += len(following.raw)
                yield following.text

        try:
            return next(csv.reader(texts(), delimiter=self._delimiter, strict=True)), used
        except (csv.Error, StopIteration):
            return None, used

    def _stands_alone(self, line: Line) -> bool:
        """Return whether a line is a row by itself when its quotes are left out."""
        return self._is_row(line.text.replace('"', "").rstrip("\r\n").split(self._delimiter))

    def _refused(self, line: Line, used: Sequence[Line]) -> Record:
        """Refuse the line a stray quote stands in."""
        swallowed = _swallowed(len(used) - 1)
        detail = (
            'A quote (") is opened here and not closed where the cell ends. Take it away, or double it and put the '
            f"whole cell in quotes.{swallowed}"
        )
        at = len(next(csv.reader([line.text], delimiter=self._delimiter))) - 1
        return Record(line.number, line.raw, (), fault=detail, at=at)

    def _ambiguous(self, used: Sequence[Line]) -> Iterator[Record]:
        """Refuse lines that are one legal record and as many rows: who writes a comment must not make rows of it."""
        first, last = used[0].number, used[-1].number
        at = self._refused(used[0], used[:1]).at
        for line in used:
            detail = (
                f'A quote (") opened in line {first} is closed in line {last}, and each line between could be a row of '
                "its own, so none of them is taken. Take the quotes away where they do not belong, and import again."
            )
            yield Record(line.number, line.raw, (), fault=detail, at=at)


def _swallowed(lines: int) -> str:
    """Say how many lines a stray quote would have taken with it, as the end of a refusal."""
    if not lines:
        return ""
    if lines == 1:
        return " It would have swallowed the line after it, which is read by itself."
    return f" It would have swallowed {lines:,} lines; they are read by themselves."
