"""The sheets of an .xlsx workbook as rows of texts: measured as a stream first, then read by the library in bounds.

A workbook is a zip of XML: some kilobytes may unpack to gigabytes, and one cell in the last column makes a reader build
16,384 a row. So every part is unpacked in pieces through a parser that keeps nothing and counts; the library then reads
no further than the last row and column that hold something. Whatever it raises is a refusal with a sentence.
"""

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import IO
from xml.parsers import expat

from openpyxl import load_workbook
from openpyxl.utils import column_index_from_string

from workers.decision_table.model.limits import LONGEST_CELL, MOST_COLUMNS, TABLE, bounded, check_size
from workers.decision_table.model.table import Unreadable

MOST_UNPACKED = 50_000_000
MOST_PARTS = 500
MOST_ELEMENTS = 1_000_000
"""XML elements of all parts together: a cell has two, and its text two more."""
MOST_CELLS_A_ROW = 16_384
"""The width of a sheet in every spreadsheet: a row with more cells was not made by one."""
_PIECE = 65_536
_BEFORE_XML = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
_PLACE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")

Rows = list[list[str]]


def read_sheets(data: bytes, choose: Callable[[Sequence[str]], Mapping[str, str]]) -> Mapping[str, Rows]:
    """Return sheets as rows of texts, without empty cells at their right end. Raises Unreadable.

    `choose` is given the names of all sheets, at least one, and returns which to read, by the key of the result.
    """
    check_size("The workbook", len(data))
    try:
        last_row, last_column = _measure(data)
        with _silent():
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
            try:
                chosen = choose(book.sheetnames)
                return {key: list(_rows(book[name], name, last_row, last_column)) for key, name in chosen.items()}
            finally:
                book.close()
    except Unreadable:
        raise
    except Exception as fault:  # the library raises what its parts raise, while it opens and while it reads cells
        said = " ".join(str(fault).split())[:200] or type(fault).__name__
        raise Unreadable(
            f"The file is not an .xlsx workbook that can be read ({said}): open it in your spreadsheet program and "
            f"save it again as .xlsx."
        ) from None


def _rows(sheet: object, name: str, last_row: int, last_column: int) -> Iterator[list[str]]:
    cells = getattr(sheet, "iter_rows", None)
    if cells is None:
        raise Unreadable(f"The sheet {name!r} holds no cells: it is a chart.")
    if not last_row:
        return
    rows = cells(min_row=1, max_row=last_row, min_col=1, max_col=last_column, values_only=True)
    yield from bounded((_texts(row) for row in rows), TABLE, f"The sheet {name!r}")


def _texts(values: Sequence[object]) -> list[str]:
    row = [as_text(value) for value in values]
    while row and not row[-1]:
        row.pop()
    return row


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the library's remarks (no default style, an extension it does not know) to ourselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def as_text(value: object) -> str:
    """Return a cell as text; a date that a spreadsheet made of a band stays recognisable as one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _measure(data: bytes) -> tuple[int, int]:
    """Return the last row and column of any sheet that hold something. Raises Unreadable at the first limit."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError):
        raise Unreadable("The file is not an .xlsx workbook.") from None
    with archive:
        parts = archive.infolist()
        unpacked = sum(part.file_size for part in parts)
        if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED:
            raise Unreadable(
                f"The workbook unpacks to {unpacked:,} bytes in {len(parts)} parts; at most {MOST_UNPACKED:,} in "
                f"{MOST_PARTS} are read."
            )
        measure = _Measure()
        for part in parts:
            with archive.open(part) as stream:
                measure.take(stream, part.filename)
    return measure.last_row, measure.last_column


class _Measure:
    """Counts what the parts of a workbook hold, and where the last cell with something in it stands."""

    def __init__(self) -> None:
        self.last_row = self.last_column = 0
        self._elements = 0
        self._row = self._column = self._cells = 0
        self._text = 0
        self._path: list[str] = []
        self._part = ""

    def take(self, stream: IO[bytes], part: str) -> None:
        """Parse one part, unless it is no XML, such as a picture. Raises Unreadable."""
        piece = stream.read(_PIECE)
        if not piece.lstrip(_BEFORE_XML).startswith(b"<"):
            return
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._say
        parser.StartDoctypeDeclHandler = self._doctype
        self._row = self._column = self._cells = self._text = 0
        self._path, self._part = [], part
        try:
            while piece:
                parser.Parse(piece, False)
                piece = stream.read(_PIECE)
            parser.Parse(b"", True)
        except expat.ExpatError as fault:
            raise Unreadable(f"The workbook's part {part} is not XML: {fault}.") from None

    def _doctype(self, *_: object) -> None:
        raise Unreadable("The workbook has a document type declaration, which a workbook must not have.")

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        self._path.append(tag)
        self._elements += 1
        if self._elements > MOST_ELEMENTS or len(self._path) > MOST_COLUMNS:
            raise Unreadable(
                f"The workbook holds more than {MOST_ELEMENTS:,} elements, or is nested too deeply: keep the sheets of "
                f"the table, and take rows that are formatted and empty out."
            )
        if tag == "row" and self._path[0] == "worksheet":
            self._row = _number(attributes.get("r", "")) or self._row + 1
            self._column = self._cells = 0
        elif tag == "c" and self._path[0] == "worksheet":
            self._begin_cell(attributes.get("r", ""))
        elif tag in ("v", "is"):
            self._fill_cell()
        if tag in ("c", "si"):
            self._text = 0

    def _begin_cell(self, place: str) -> None:
        self._cells += 1
        if self._cells > MOST_CELLS_A_ROW:
            raise Unreadable(f"Row {self._row:,} of a sheet has more than {MOST_CELLS_A_ROW:,} cells.")
        match = _PLACE.fullmatch(place)
        if match:
            self._column, self._row = column_index_from_string(match[1]), int(match[2])
        else:
            self._column += 1

    def _fill_cell(self) -> None:
        self.last_row, self.last_column = max(self.last_row, self._row), max(self.last_column, self._column)
        if self._column > MOST_COLUMNS:
            raise Unreadable(
                f"A sheet has something in column {self._column:,}; at most {MOST_COLUMNS} are read. Delete what "
                f"stands to the right of the table."
            )
        if self._row > TABLE.rows:
            raise Unreadable(
                f"A sheet has something in row {self._row:,}; at most {TABLE.rows:,} are read. Delete what stands "
                f"below the table."
            )

    def _say(self, text: str) -> None:
        self._text += len(text)
        if self._text > LONGEST_CELL and self._path[-1] in ("t", "v") and self._path[0] in ("sst", "worksheet"):
            raise Unreadable(f"A cell of the workbook holds more than {LONGEST_CELL:,} signs, the most that is read.")

    def _end(self, name: str) -> None:
        self._path.pop()


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) <= 7 else 0
