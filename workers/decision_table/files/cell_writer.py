"""Write cells and outputs as text that the reader takes back with the same meaning.

The one place that knows how a set of values is written in a spreadsheet cell.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from workers.calendar.durations import Wait
from workers.decision_table.model.spans import Span, endless
from workers.decision_table.model.table import Cell, Column, takes_every_value
from workers.decision_table.model.values import ORDERED, WHOLE_STEPS, Kind, Position, Scalar, show, value_at

_BARE = re.compile(r"[^\W\d_][\w .@/&+:'-]*")
_RESERVED = frozenset({"any", "unknown", "null", "not", "otherwise", "now", "true", "false"})


def write_word(word: str) -> str:
    """Write a text value, in quotes where it could be read as something else."""
    if _BARE.fullmatch(word) and word.lower() not in _RESERVED and " to " not in word and word == word.strip():
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_position(column: Column, position: Position) -> str:
    """Write one value of an ordered column: whole days as 28d, everything else as in ISO 8601."""
    value = value_at(column.kind, position, zoned=column.zoned)
    if isinstance(value, timedelta) and value % timedelta(days=1) == timedelta() and value >= timedelta():
        return f"{value.days}d"
    if column.kind is Kind.ORDERED_TEXT:
        return write_word(str(value))
    return show(value, column.kind)


def write_span(column: Column, span: Span) -> str:
    """Write one interval of an ordered column so that it reads back as the same: `7`, `0-6`, `>=9`, `(1..2]`."""
    span = endless(span, column.kind)
    low, high = span.low, span.high
    if low is None and high is None:
        return "-"
    if column.kind in WHOLE_STEPS:
        return _write_whole(column, None if low is None else low[0], None if high is None else high[0] - 1)
    first = "" if low is None else write_position(column, low[0])
    last = "" if high is None else write_position(column, high[0])
    if low is None:
        return f"<={last}" if high is not None and high[1] else f"<{last}"
    if high is None:
        return f">{first}" if low[1] else f">={first}"
    if low[0] == high[0]:
        return first
    return f"{'(' if low[1] else '['}{first}..{last}{']' if high[1] else ')'}"


def _write_whole(column: Column, low: Position | None, high: Position | None) -> str:
    if low is None:
        return f"<={write_position(column, high or 0)}"
    first = write_position(column, low)
    if high is None:
        return f">={first}"
    if low == high:
        return first
    dashed = column.kind is Kind.INTEGER and low >= 0
    return f"{first}-{write_position(column, high)}" if dashed else f"[{first}..{write_position(column, high)}]"


def write_cell(column: Column, cell: Cell) -> str:
    """Write a cell so that reading it back gives the same; the text that a person wrote is not kept."""
    takes_unknown = column.unknown or column.tolerant
    unknown = cell.unknown and takes_unknown
    if takes_every_value(column, cell):
        return "-" if unknown or not takes_unknown else "not(unknown)"
    if column.kind in ORDERED:
        items = [write_span(column, _opened(column, span)) for span in cell.spans]
        if "-" in items:
            items = ["not(unknown)"]
    elif cell.inverted:
        items = [f"not({','.join(write_word(word) for word in _ordered(column, cell.values))})"]
    else:
        quoted = str if column.kind is Kind.BOOLEAN else write_word
        items = [quoted(word) for word in _ordered(column, cell.values)]
    return ",".join([*items, "unknown"] if unknown else items)


def _opened(column: Column, span: Span) -> Span:
    """Leave away an end that is the end of the domain anyway, where bands are not whole numbers."""
    if column.kind in WHOLE_STEPS or len(column.spans) != 1:
        return span
    low = None if span.low == column.spans[0].low and span.high != column.spans[0].high else span.low
    high = None if span.high == column.spans[0].high and span.low != column.spans[0].low else span.high
    return Span(low, high)


def _ordered(column: Column, words: Iterable[str]) -> list[str]:
    listed = {word: place for place, word in enumerate(column.values)}
    return sorted(words, key=lambda word: (listed.get(word, len(listed)), word))


def write_output(column: Column, value: Scalar | None) -> str:
    if value is None:
        return ""
    if isinstance(value, Wait):
        return "now" if value == Wait() else value.iso()
    if isinstance(value, str):
        risky = value != value.strip() or value[:1] == '"' or value.lower() in ("", "-", "null")
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if risky else value
    return show(value, column.kind)


def write_rows(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_validity(column: Column, cell: Cell) -> tuple[str, str]:
    """Write a period of days as its first and last day, empty where it has no end."""
    if not cell.spans:
        return "", ""
    low, high = cell.spans[0].low, cell.spans[-1].high
    return (
        write_position(column, low[0]) if low else "",
        write_position(column, high[0] - 1) if high else "",
    )
