"""Cells and tables of the report: a cell has its value for files, its text for the page, and what it opens. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from workers.domain import reporting
from workers.text.spreadsheets import Value
from workers.usecases.report.funnel import Fate
from workers.web.staff.report.wording import Words

ANSWERS, QUESTIONS, NOT_ASKED = "responses", "questions", "not-asked"
"""The lists behind the figures, as the last part of their address."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what a file gets, what the page shows, and the query of the rows behind it ("" for none).

    `of` says which list the query is of: `responses`, `questions` or `not-asked`.
    """

    value: Value
    text: str = ""
    query: str = ""
    of: str = ANSWERS

    @property
    def link(self) -> str:
        """Return the address of what the cell counts, relative to the report; "" for a cell that opens nothing."""
        return f"{self.of}?{self.query}" if self.query else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table with its heading row; `name` is its part of the address."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[list[Cell]] = field(default_factory=list)


def values(sheet: Sheet) -> list[list[Value]]:
    """Return the bare values of a sheet's cells, row by row, for a file."""
    return [[cell.value for cell in row] for row in sheet.rows]


def word(text: str, query: str = "") -> Cell:
    """A cell whose file gets the text that the page shows."""
    return Cell(text, text, query)


def number(words: Words, n: int, **pick: object) -> Cell:
    """Return a cell with a count, which opens the answers behind it where there are some."""
    return Cell(n, words.whole(n), words.addresses.query(**pick) or "all=1" if n and pick else "")


def questions(words: Words, n: int, fate: Fate, **pick: str) -> Cell:
    """Return a cell with a count of questions, which opens them."""
    return Cell(n, words.whole(n), words.addresses.query(fate=fate.value, **pick) if n else "", QUESTIONS)


def points(words: Words, value: float | None) -> Cell:
    """Return a cell with an NPS or a step: whole in a file as on the page, empty where there is none."""
    return Cell(reporting.rounded(value), words.points(value))


def sheet(name: str, words: Words, columns: Iterable[str], rows: list[list[Cell]]) -> Sheet:
    """Return a sheet whose title and headings are the catalog's `sheet.NAME` and `column.COLUMN`."""
    return Sheet(name, words.text(f"sheet.{name}"), tuple(words.text(f"column.{column}") for column in columns), rows)


def count_of(cell: Cell) -> int:
    return cell.value if isinstance(cell.value, int) else 0


def share(words: Words, n: int, total: int) -> Cell:
    """Return a cell with a share; below five in all there is none."""
    return ratio(words, n / total if total >= reporting.COUNTS_ONLY_BELOW else None)


def ratio(words: Words, share: float | None) -> Cell:
    """Return a cell with a share from 0 to 1, in per cent on the page; empty where there is none."""
    return Cell(None if share is None else round(share, 4), words.share(share))


def flag(words: Words, flag: str) -> Cell:
    """Return a cell with what few answers allow; empty for enough of them."""
    return word(words.flag(flag))
