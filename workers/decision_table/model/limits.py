"""How much of a table is read: bytes, rows, columns, cells and signs in a cell, applied while reading.

The figures are far above any table that people own, and low enough that reading one takes seconds. What is beyond is
refused with a sentence that names the limit. Every door reads by them: pages, commands, and files taken over live.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

from workers.decision_table.model.table import Fault, Unreadable
from workers.errors import BoucleError

_P = ParamSpec("_P")
_T = TypeVar("_T")

MOST_BYTES = 10_000_000
"""Of one file of any form; the largest table seen had 60 kB."""
MOST_COLUMNS = 200
LONGEST_CELL = 10_000
LONGEST_VALUE = 200
"""Signs of one number, date, duration or band; the longest that means anything has some 60."""
MOST_VALUES = 2_000
"""Values that one column lists."""
MOST_FAULTS = 1_000
"""Cells at fault that are listed: a file with more of them is another kind of file."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows and cells one kind of file may hold."""

    rows: int
    cells: int


TABLE = Limits(rows=20_000, cells=200_000)
PAST = Limits(rows=1_000_000, cells=20_000_000)
"""Past responses and events, to try a table on."""


def total(read: Callable[_P, _T]) -> Callable[_P, _T]:
    """Make a reader total: whatever escapes it, from a library or from a value nobody thought of, is a refusal."""

    @wraps(read)
    def reading(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return read(*args, **kwargs)
        except BoucleError:
            raise
        except Exception as fault:  # a guard around all of reading: a file must not end a role
            said = " ".join(str(fault).split())[:200] or "no reason given"
            raise Unreadable(f"The file cannot be read ({type(fault).__name__}: {said}).") from fault

    return reading


def check_faults(faults: Sequence[Fault]) -> None:
    """Stop at a file of which next to nothing can be read. Raises Unreadable with the first of the faults."""
    if len(faults) > MOST_FAULTS:
        raise Unreadable(f"More than {MOST_FAULTS:,} cells cannot be read. The first: {faults[0].message}")


def check_size(name: str, size: int) -> None:
    """Refuse a file for its size, before it is read. Raises Unreadable."""
    if size > MOST_BYTES:
        raise Unreadable(f"{name} has {size:,} bytes; at most {MOST_BYTES:,} are read.")


def check_columns(name: str, count: int) -> None:
    """Refuse a table for its width. Raises Unreadable."""
    if count > MOST_COLUMNS:
        raise Unreadable(f"{name} has {count:,} columns; at most {MOST_COLUMNS} are read. Delete those that are empty.")


def check_cell(where: str, text: str) -> str:
    """Return a cell's text, or refuse it for its length. Raises Unreadable."""
    if len(text) > LONGEST_CELL:
        raise Unreadable(
            f"{where} holds a cell of {len(text):,} signs; at most {LONGEST_CELL:,} are read. "
            f"A quotation mark without its pair swallows all that follows: look for one."
        )
    return text


def bounded(rows: Iterable[Sequence[str]], limits: Limits, name: str = "The file") -> Iterator[list[str]]:
    """Give rows of texts until one passes a limit. Empty cells at a row's right end beyond the widest table are let go.

    Raises Unreadable as soon as a limit is passed: what comes after is not read.
    """
    count = 0
    for number, cells in enumerate(rows, start=1):
        row = list(cells)
        while len(row) > MOST_COLUMNS and not row[-1].strip():
            row.pop()
        if number > limits.rows:
            raise Unreadable(f"{name} has more than {limits.rows:,} rows, which is the most that is read.")
        check_columns(f"{name}, row {number},", len(row))
        for text in row:
            check_cell(f"{name}, row {number},", text)
        count += len(row)
        if count > limits.cells:
            raise Unreadable(f"{name} has more than {limits.cells:,} cells, which is the most that is read.")
        yield row
