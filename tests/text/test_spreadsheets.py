"""Spreadsheets: any text and any value becomes a file that opens, says the same, and runs nothing."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import example, given
from lxml import etree
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from texts import NASTY, any_text

from workers.text.plain_text import first_sign
from workers.text.spreadsheets import LONGEST_CELL, MOST_ROWS, Value, as_csv, as_xlsx, cell_text, csv_cell, harmless

ZONE = "Europe/Paris"
AT = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
FORMULAS = (
    *("=1+1", "+1", "-2+3+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "\u3000=1"),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "\u200b=1", "\ufeff=1", "\x00=1", "\u202e=1", "\ufffe=1", "\xad=1"),
)


def sheet_of(body: bytes) -> Worksheet:
    """Return the first sheet of a workbook."""
    page = load_workbook(io.BytesIO(body)).active
    assert isinstance(page, Worksheet)
    return page


def written(*rows: list[Value], columns: tuple[str, ...] = ("text",)) -> Worksheet:
    """Return the sheet that these rows become."""
    return sheet_of(as_xlsx([("Answers", columns, rows)], ZONE))


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_a_formula(text: str) -> None:
    """Whatever stands before the sign, and in whichever width it is written: the cell begins with an apostrophe."""
    assert str(csv_cell(text)).startswith("'")
    [[cell]] = written([text]).iter_rows(min_row=2)
    assert (cell.data_type, str(cell.value)[0]) == ("s", "'")


@pytest.mark.parametrize("text", ["a=b", "2 - 1", "été", "", "Call me: 01 23", "(+33) 1", "“=”"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    """Only what a spreadsheet would run is touched."""
    assert csv_cell(text) == harmless(text) == cell_text(text) == text


@pytest.mark.parametrize("text", ["ok;=1", 'ok;"=1', "ok\n=1", "ok\t @x", "ok\n\n\uff1d1", "ok \n\t' \n=1;;@x"])
def test_a_cell_that_excel_splits_has_no_formula_in_its_parts(text: str) -> None:
    """Where lists are separated by semicolons, Excel splits a comma-separated file inside its quotes."""
    parts = str(csv_cell(text)).replace("\t", ";").replace("\n", ";").split(";")
    assert not [part for part in parts if first_sign(part.replace('"', "")) in ("=", "@")]


@given(any_text())
@example("\ufffe")
@example("x" * 40_000)
@example("😀" * 20_000)
@example("_x003D_1+1")
def test_any_text_fits_into_a_workbook(text: str) -> None:
    """The sheet is well-formed XML, no cell is a formula or too long, and the next cell is where it belongs."""
    body = as_xlsx([(text, ("text", "n"), [[text, 7]])], ZONE)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for name in archive.namelist():
            etree.fromstring(archive.read(name))
    first, second = sheet_of(body)[2]
    assert second.value == 7
    assert first.data_type in ("s", "n")  # n: an empty cell
    assert len(str(first.value or "").encode("utf-16-le")) <= 2 * LONGEST_CELL
    assert first_sign(str(first.value or "")) not in ("=", "+", "-", "@")


@given(any_text())
def test_any_text_fits_into_a_csv_file(text: str) -> None:
    """The file is UTF-8 with its mark, has as many rows and cells as the table, and the words are all there."""
    body = as_csv(("text", "n"), [[text, 7], ["after", 8]])
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert [row[1] for row in rows] == ["n", "7", "8"]
    words = "".join(sign for sign in text if sign.isalnum())
    assert "".join(sign for sign in rows[1][0] if sign.isalnum()) == words


def test_words_without_harm_are_kept_whole() -> None:
    """A long text that fits is not cut, a longer one ends with a mark; letters of any plane count as Excel counts."""
    assert cell_text("x" * LONGEST_CELL) == "x" * LONGEST_CELL
    assert cell_text("x" * 40_000) == "x" * (LONGEST_CELL - 1) + "…"
    assert cell_text("😀" * 20_000) == "😀" * ((LONGEST_CELL - 1) // 2) + "…"


def test_moments_and_numbers_are_dates_and_numbers() -> None:
    """Excel sorts and sums them: an instant in the company's zone, a day, a number; what has no number is text."""
    values: list[Value] = [AT, date(2026, 7, 2), 7, -1.5, None, float("nan"), date(1800, 1, 1)]
    cells: list[Any] = list(written(values, columns=tuple("abcdefg"))[2])
    assert [cell.value for cell in cells[:4]] == [datetime(2026, 7, 2, 0, 30), datetime(2026, 7, 2), 7, -1.5]  # noqa: DTZ001  # as Excel has it
    assert [cell.number_format for cell in cells[:2]] == ["yyyy-mm-dd hh:mm", "yyyy-mm-dd"]
    assert [cell.value for cell in cells[4:]] == [None, None, "1800-01-01"]
    assert csv_cell(AT) == AT.isoformat()
    assert csv_cell(-3) == -3


def test_a_sheet_can_be_read_at_once() -> None:
    """Its heading stays in sight and has a filter; its columns are as wide as their words, up to a limit."""
    page = written([AT, "short"], [AT, "a long sentence " * 20], columns=("answered", "comment"))
    assert (page.freeze_panes, page.auto_filter.ref) == ("A2", "A1:B3")
    assert page.column_dimensions["A"].width >= len("2026-07-02 00:30")
    assert page.column_dimensions["B"].width == 60
    assert page["A1"].font.bold


def test_a_table_longer_than_a_sheet_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row is beyond what a spreadsheet opens."""
    assert MOST_ROWS + 1 == 2**20
    monkeypatch.setattr("workers.text.spreadsheets.MOST_ROWS", 2)
    book = load_workbook(io.BytesIO(as_xlsx([("Answers", ("n",), [[1], [2], [3]])], ZONE)))
    assert [[cell.value for cell in page["A"]] for page in book.worksheets] == [["n", 1, 2], ["n", 3]]


def test_the_inputs_that_broke_a_file_are_among_those_tried() -> None:
    """The list that the other formats share holds what failed."""
    assert {"\ufffe", "\x00", "\ud800"} <= {text for text in NASTY if len(text) == 1}
