"""A table as an .xlsx workbook, in and out: text-formatted cells that no spreadsheet turns into dates, and drop-downs.

The sheet `rules` is what rules.csv is; the sheet `columns` carries table.yaml line by line, so that the file stands
alone. Bytes in and out, no files.
"""

import io
from collections.abc import Iterable, Mapping, Sequence

from openpyxl import Workbook
from openpyxl.cell import Cell as SheetCell
from openpyxl.cell import MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from workers.decision_table.files.cell_writer import write_rows, write_word
from workers.decision_table.files.csv_writer import rule_rows, table_files
from workers.decision_table.files.reader import DEFINITION, RULES, parse_texts
from workers.decision_table.files.xlsx_rows import read_sheets
from workers.decision_table.model.limits import total
from workers.decision_table.model.table import Column, Table, Unreadable
from workers.decision_table.model.values import Kind
from workers.text.plain_text import for_xml

_RULES, _COLUMNS, _LISTS = "rules", "columns", "lists"
_SPARE_ROWS = 200  # rows below the last one that already have text format and drop-downs


def write_xlsx(table: Table) -> bytes:
    """Return a table as a workbook. Raises Unreadable when it cannot be written as rows."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = _RULES
    rows = rule_rows(table)
    for number, row in enumerate(rows, start=1):
        for place, text in enumerate(row, start=1):
            _set_text(sheet.cell(number, place), text)
    for number in range(len(rows) + 1, len(rows) + _SPARE_ROWS + 1):
        for place in range(1, len(rows[0]) + 1):
            sheet.cell(number, place).number_format = "@"
    _decorate(sheet, table, rows)
    _add_lists(book, sheet, table, len(rows) + _SPARE_ROWS)
    columns = book.create_sheet(_COLUMNS)
    for number, line in enumerate(table_files(table)[DEFINITION].splitlines(), start=1):
        _set_text(columns.cell(number, 1), line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _set_text(cell: SheetCell | MergedCell, text: str) -> None:
    assert isinstance(cell, SheetCell)
    cell.number_format = "@"
    cell.value = for_xml(text)
    cell.data_type = "s"  # a text such as `= 7` would otherwise become a formula


def _decorate(sheet: Worksheet, table: Table, rows: Sequence[Sequence[str]]) -> None:
    sheet.freeze_panes = "B2"
    for place, name in enumerate(rows[0], start=1):
        head = sheet.cell(1, place)
        head.font = Font(bold=True)
        widest = max(len(row[place - 1]) for row in rows)
        sheet.column_dimensions[get_column_letter(place)].width = min(40, max(8, widest + 2))
        column = next((candidate for candidate in table.inputs if candidate.name.lower() == name.strip().lower()), None)
        if column is not None:
            head.comment = Comment(_hint(column), "Boucle")


def _hint(column: Column) -> str:
    if column.kind is Kind.DURATION:
        return "Bands take their lower end and not their upper one: 14d..60d is from 14 to under 60 days."
    if column.kind is Kind.INTEGER:
        return "Bands take both ends: 7-8 is 7 and 8. Empty or - is any."
    return "Several values with commas; not(...) for all others; empty or - is any."


def _add_lists(book: Workbook, sheet: Worksheet, table: Table, last: int) -> None:
    """Give each column with a list of values a drop-down; inputs may hold more than one value, so they only offer."""
    lists = book.create_sheet(_LISTS)
    lists.sheet_state = "hidden"
    header = [" ".join(name.split()).lower() for name in table.header]
    lists_made = 0
    for column, strict in [(given, False) for given in table.inputs] + [(given, True) for given in table.outputs]:
        words = _offered(column, strict=strict)
        if not words or column.name.lower() not in header:
            continue
        lists_made += 1
        for number, word in enumerate(words, start=1):
            _set_text(lists.cell(number, lists_made), word)
        letter = get_column_letter(lists_made)
        rule = DataValidation("list", f"{_LISTS}!${letter}$1:${letter}${len(words)}", allow_blank=True)
        rule.showErrorMessage = strict
        rule.error = f"{column.name}: choose one of the list."
        sheet.add_data_validation(rule)
        place = get_column_letter(header.index(column.name.lower()) + 1)
        rule.add(f"{place}2:{place}{last}")


def _offered(column: Column, *, strict: bool) -> list[str]:
    if column.kind is Kind.INTEGER and not strict:
        return []
    words = [write_word(word) if not strict else word for word in column.values]
    return ["-", *words] if words and not strict else words


@total
def read_xlsx(data: bytes, definition: str | None = None) -> Table:
    """Read a table from a workbook; `definition` (the text of table.yaml) goes before the workbook's own.

    Raises Unreadable.
    """
    sheets = read_sheets(data, _chosen)
    own = sheets.get(_COLUMNS)
    text = definition or (None if own is None else "\n".join(row[0] if row else "" for row in own))
    if text is None:
        raise Unreadable(f"The workbook has no sheet {_COLUMNS!r}, and there is no {DEFINITION} beside it.")
    return parse_texts({DEFINITION: text, RULES: write_rows(_trimmed(sheets[_RULES]), ";")})


def _chosen(names: Sequence[str]) -> Mapping[str, str]:
    """Return which sheets to read: the rules, or the first where none is called so, and what its columns hold."""
    by_name = {name.lower(): name for name in reversed(names)}
    chosen = {_RULES: by_name.get(_RULES, names[0])}
    return chosen | ({_COLUMNS: by_name[_COLUMNS]} if _COLUMNS in by_name else {})


def _trimmed(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    """Return the rows without empty cells beyond the header and without empty rows at the end."""
    kept = [list(row) for row in rows]
    width = max((place for place, text in enumerate(kept[0], start=1) if text.strip()), default=0) if kept else 0
    while kept and not any(text.strip() for text in kept[-1]):
        kept.pop()
    return [row[:width] + [text for text in row[width:] if text.strip()] for row in kept]
