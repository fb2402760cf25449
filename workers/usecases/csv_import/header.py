"""The header of a CSV file: its delimiter, its columns, and which of them the mapping means by each name."""

import csv
import difflib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from workers.errors import Misconfigured
from workers.usecases.csv_import.charsets import NO_TEXT, Said, is_no_text, no_header
from workers.usecases.csv_import.lines import LONGEST_LINE, Line, Lines

MOST_COLUMNS = 2_000
"""Columns of a file: no export has more, and a file with more has lost its line ends."""
LONGEST_NAME = 500
HEADER_LINES = 100
FAULTS = 20
"""Missing columns that are guessed at; of more it is the mapping or the file that is the wrong one."""
DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns, spaces and line breaks in them made one space, and what stands between cells."""

    names: tuple[str, ...]
    delimiter: str
    first_lines: tuple[str, ...]

    def places(self, columns: Iterable[str], said: Said) -> dict[str, int]:
        """Return where each column of the mapping stands; raise Misconfigured with every one that cannot be told."""
        counts = Counter(self.names)
        at = {name: place for place, name in enumerate(self.names)}
        place_by_name: dict[str, int] = {}
        faults: list[str] = []
        for column in sorted(columns):
            name = " ".join(column.split())
            if counts[name] > 1:
                faults.append(f"the file has the column {column} {counts[name]} times. Name each column once.")
            elif name in at:
                place_by_name[column] = at[name]
            elif len(near := self._near(name)) == 1:
                place_by_name[column] = near[0]
                said(f"The column {column} of the mapping is read from {self.names[near[0]]}.")
            else:
                faults.append(self._missing(name) if len(faults) < FAULTS else f"the file has no column {name[:200]}.")
        if faults:
            raise Misconfigured(faults)
        return place_by_name

    def _near(self, name: str) -> list[int]:
        """Return the columns that are written with other capitals, or whose first line is the name."""
        bare = name.casefold()
        same = [place for place, each in enumerate(self.names) if each.casefold() == bare]
        return same or [place for place, each in enumerate(self.first_lines) if each.casefold() == bare]

    def _missing(self, name: str) -> str:
        near = difflib.get_close_matches(name[:100], [each[:100] for each in self.names], n=1)
        guess = f" Did you mean {near[0]}?" if near else f" It has {', '.join(self.names)[:300]}."
        return f"the file has no column {name[:200]}.{guess}"


def read_header(lines: Lines) -> Header:
    """Read the header, over several lines where a quoted name has line breaks, behind a line such as `sep=;`.

    Raises Misconfigured, with what to do, where the file begins with none; the cost is that of one line.
    """
    first = _readable(lines.next())
    text = first.text.removeprefix("\ufeff")
    delimiter = ""
    if text.strip().strip('"').lower().startswith("sep=") and len(declared := text.strip().strip('"')[4:] or "\t") == 1:
        delimiter = declared
        text = _readable(lines.next()).text
    if not text.strip():
        raise no_header()
    delimiter = delimiter or _delimiter(text)
    cells = _cells(text, lines, delimiter)
    if len(cells) > MOST_COLUMNS:
        detail = f"the first line has {len(cells):,} columns; at most {MOST_COLUMNS:,} are read."
        raise Misconfigured([f"{detail} Leave out what is not needed."])
    if any(len(cell) > LONGEST_NAME for cell in cells):
        detail = f"a column's name has more than {LONGEST_NAME} characters."
        raise Misconfigured([f"{detail} Look for a quote too many in the first line."])
    names = tuple(" ".join(cell.split()) for cell in cells)
    first_lines = tuple(" ".join(cell.strip().split("\n", 1)[0].split()) for cell in cells)
    return Header(names, delimiter, first_lines)


def _readable(line: Line | None) -> Line:
    if line is None:
        raise no_header()
    if line.fault or "\0" in line.text:
        detail = line.fault or "The first line holds a NUL."
        if len(line.raw) >= LONGEST_LINE or "bytes;" in detail:
            raise Misconfigured([f"the first line is no list of columns. {detail}"])
        if is_no_text(line.raw):  # of a stream that cannot go back, this line is all that was seen
            raise Misconfigured([NO_TEXT])
        raise Misconfigured(["the file is not UTF-8 (perhaps UTF-16 or Latin-1). Save it as UTF-8."])
    return line


def _delimiter(text: str) -> str:
    """Return what separates the columns: whatever of the usual signs stands most often outside quotes."""
    outside = "".join(text.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _cells(text: str, lines: Lines, delimiter: str) -> list[str]:
    taken = 0

    def texts() -> Iterable[str]:
        nonlocal taken
        yield text
        while taken < HEADER_LINES and (line := lines.next()) is not None:
            taken += 1
            yield _readable(line).text

    if '"' not in text:
        return text.rstrip("\r\n").split(delimiter)
    try:
        return next(csv.reader(texts(), delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration) as error:
        raise Misconfigured(
            [f"the first line is no list of columns ({error}). Close every quote in it, or double it inside a name."]
        ) from error
