"""The report's tables as files: CSV for one table, XLSX for all of them, and the answers behind a figure.

Comments and names are hostile input: a cell that a spreadsheet could take for a formula begins with an apostrophe.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from workers.exporting import safe
from workers.web.report_sheets import Sheet, Value

UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""Control characters that XLSX cannot hold."""
LONGEST_NAME = 31
"""Characters of a sheet's name that spreadsheets accept."""
BOM = "\ufeff"
"""Spreadsheets take a CSV file without it for another encoding than UTF-8."""


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    """Return a table as CSV in UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([safe(one) for one in columns])
    for row in rows:
        writer.writerow(["" if one is None else safe(one) for one in row])
    return (BOM + text.getvalue()).encode()


def as_xlsx(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Value]]]]) -> bytes:
    """Return tables as one workbook, a sheet for each (name, columns, rows)."""
    book = Workbook(write_only=True)
    for name, columns, rows in sheets:
        page = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", name)[:LONGEST_NAME])
        page.freeze_panes = "A2"
        page.append([heading(page, one) for one in columns])
        for row in rows:
            page.append([cell(page, one) for one in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def heading(page: WriteOnlyWorksheet, text: str) -> Cell:
    """Return a cell of the heading row."""
    made = cell(page, text)
    made.font = Font(bold=True)
    return made


def cell(page: WriteOnlyWorksheet, value: Value) -> Cell:
    """Return a cell; text is text for every spreadsheet, whatever it begins with."""
    if isinstance(value, str):
        made: Cell = WriteOnlyCell(page, UNWRITABLE.sub(" ", str(safe(value))))
        made.data_type = "s"
        return made
    plain: Cell = WriteOnlyCell(page, value)
    return plain


def values(sheet: Sheet) -> list[list[Value]]:
    """Return what a file gets of a sheet."""
    return [[one.value for one in row] for row in sheet.rows]
