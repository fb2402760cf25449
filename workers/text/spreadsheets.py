"""Spreadsheets: rows as CSV and as XLSX that a person opens by a double click.

What customers wrote is hostile input: no cell is a formula for any program, and no character makes a file unreadable.
Numbers are numbers, instants are dates in one time zone. Pure: bytes out, no files.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import chain, islice
from typing import IO
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from workers.text.plain_text import first_sign, for_reader

Value = str | int | float | datetime | date | None
Sheet = tuple[str, Sequence[str], Iterable[Sequence[Value]]]
"""A table with its name and columns."""

BOM = "\ufeff"
"""Excel takes a CSV file without it for another encoding than UTF-8."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
FORMULA_SIGNS = frozenset("=+-@")
GUESSED_STARTS = ("=", "#")
"""How texts begin that the library takes for a formula or an error."""
LATER_START = re.compile(
    r"""[\n\t;]["'\s]*+(?P<sign>[=+\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u207a\u207b])?"""
)
"""Where another cell may begin inside a CSV cell, and the sign of a formula there: Excel splits at `;` in half of
Europe, and at a tab, whatever stands in quotes. What begins no formula is matched too, so that each sign of a long run
of blanks is looked at once."""
LONGEST_CELL = 32_767
"""UTF-16 units that a cell of a workbook holds; Excel calls a file with a longer one damaged."""
MOST_ROWS = 1_048_575
"""Rows of one sheet below its heading."""
LONGEST_NAME = 31
"""Characters of a sheet's name that spreadsheets accept."""
CUT = "…"
ESCAPE_LIKE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
"""A text such as _x003D_ would be read as the character that it names."""
NARROWEST, WIDEST = 9, 60
"""Widths of columns, in characters."""
MEASURED_ROWS = 500
"""A column is as wide as its cells in this many rows need."""
MOMENT_FORMAT, DAY_FORMAT = "yyyy-mm-dd hh:mm", "yyyy-mm-dd"
FIRST_YEAR = 1900
"""Earlier days have no number in a workbook; they are written as text."""


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: such a one begins with an apostrophe."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) or first_sign(text) in FORMULA_SIGNS else text


def csv_cell(value: Value) -> str | int | float:
    """Return a value as a CSV file has it; numbers stay numbers, instants are ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, int | float):
        return value
    return LATER_START.sub(_quoted_sign, harmless(for_reader(value)))


def _quoted_sign(begun: re.Match[str]) -> str:
    """Return the beginning of a cell inside a cell, an apostrophe before the sign that would begin a formula."""
    sign = begun["sign"] or ""
    return f"{begun[0][:-1]}'{sign}" if sign else begun[0]


def write_csv(file: IO[str], columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> int:
    """Write a table with its byte order mark; return how many rows."""
    file.write(BOM)
    writer = csv.writer(file)
    writer.writerow([csv_cell(column) for column in columns])
    count = 0
    for row in rows:
        writer.writerow([csv_cell(value) for value in row])
        count += 1
    return count


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    text = io.StringIO(newline="")
    write_csv(text, columns, rows)
    return text.getvalue().encode()


def as_xlsx(sheets: Iterable[Sheet], zone: str) -> bytes:
    """Return tables as one workbook, a sheet for each (name, columns, rows); its instants stand in the zone.

    A table of more rows than a sheet holds goes on in the next one.
    """
    file = io.BytesIO()
    write_xlsx(file, sheets, zone)
    return file.getvalue()


def write_xlsx(file: IO[bytes], sheets: Iterable[Sheet], zone: str) -> None:
    """Write tables as `as_xlsx`; a row is held no longer than until it is written."""
    book = Workbook(write_only=True)
    for name, columns, rows in sheets:
        left, measured = iter(rows), min(MEASURED_ROWS, MOST_ROWS)
        head = list(islice(left, measured))
        while True:
            add_sheet(book, name, columns, (head, islice(left, MOST_ROWS - len(head))), ZoneInfo(zone))
            head = list(islice(left, measured))
            if not head:
                break
    book.save(file)


def add_sheet(
    book: Workbook,
    name: str,
    columns: Sequence[str],
    rows: tuple[Sequence[Sequence[Value]], Iterable[Sequence[Value]]],
    zone: ZoneInfo,
) -> None:
    """Add a sheet with a heading that stays in sight, a filter and columns that are wide enough.

    `rows` are the first ones, by which the columns are measured, and those that follow.
    """
    page = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", for_reader(name)).strip("' ")[:LONGEST_NAME])
    page.freeze_panes = "A2"
    for place, width in enumerate(widths(columns, rows[0]), start=1):
        page.column_dimensions[get_column_letter(place)].width = width
    page.append([heading(page, column, zone) for column in columns])
    count = 0
    for row in chain(*rows):
        page.append([cell(page, value, zone) for value in row])
        count += 1
    page.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{count + 1}"


def widths(columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> Iterator[int]:
    """Give the width of each column in characters; a heading needs room for the filter's button."""
    for place, name in enumerate(columns):
        cells = [shown_width(row[place]) for row in rows if place < len(row)]
        yield min(WIDEST, max(NARROWEST, len(name) + 4, *cells, 0))


def shown_width(value: Value) -> int:
    """Return how many characters of a value stand on its longest line, and some room."""
    if isinstance(value, datetime):
        return len(MOMENT_FORMAT) + 1
    text = "" if value is None else str(value)[: WIDEST * 4]
    return max(map(len, text.splitlines() or [""])) + 1


def heading(page: WriteOnlyWorksheet, text: str, zone: ZoneInfo) -> Cell:
    made = text_cell(page, fitting(text, zone))
    made.font = Font(bold=True)
    return made


def cell(page: WriteOnlyWorksheet, value: Value, zone: ZoneInfo) -> Value | Cell:
    """Return what makes a cell: text is text for every program, an instant a date in the zone.

    What the library itself takes for a text or a number is handed on as it is, which costs a third of a cell of ours.
    """
    fit = fitting(value, zone)
    if isinstance(fit, str):
        return text_cell(page, fit) if fit.startswith(GUESSED_STARTS) else fit
    if not isinstance(fit, date):
        return fit
    made: Cell = WriteOnlyCell(page, fit)  # type: ignore[arg-type]  # the stubs forget plain days
    made.number_format = MOMENT_FORMAT if isinstance(fit, datetime) else DAY_FORMAT
    return made


def text_cell(page: WriteOnlyWorksheet, text: Value) -> Cell:
    """Return a cell that is text whatever it looks like."""
    made: Cell = WriteOnlyCell(page, text)  # type: ignore[arg-type]  # the stubs forget plain days
    made.data_type = "s"
    return made


def fitting(value: Value, zone: ZoneInfo) -> Value:
    """Return a value as a workbook holds it: what has no number there becomes text."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(zone).replace(tzinfo=None)
    if isinstance(value, date):
        return value if value.year >= FIRST_YEAR else value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return (cell_text(value) or None) if isinstance(value, str) else value


def cell_text(text: str) -> str:
    """Return a text that a cell holds and no program takes for anything else; a longer one is cut with a mark."""
    text = ESCAPE_LIKE.sub("_x005F_", harmless(for_reader(text)))
    if len(text) * 2 <= LONGEST_CELL or len(text.encode("utf-16-le")) // 2 <= LONGEST_CELL:
        return text
    units = text.encode("utf-16-le")[: (LONGEST_CELL - len(CUT)) * 2]
    return units.decode("utf-16-le", "ignore") + CUT
