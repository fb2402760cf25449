"""Show a box of inputs: as JSON, in a sentence, as one sample, and as a row ready to paste.

A box is one mask of classes per axis. Must not decide what is a fault.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from workers.decision_table.files.cell_writer import write_cell, write_output, write_rows, write_validity
from workers.decision_table.files.reader import ON, VALID
from workers.decision_table.model.grid import Axis, Grid, bits
from workers.decision_table.model.spans import Cut, Span, endless, union
from workers.decision_table.model.table import Cell, Column, Rule, Table, takes_every_value
from workers.decision_table.model.values import (
    ORDERED,
    WHOLE_STEPS,
    Kind,
    Position,
    Scalar,
    position_of,
    show,
    value_at,
    whole_if_whole,
)

Box = Sequence[int]
_USUAL_DAY = date(2026, 1, 1).toordinal()  # a sample for dates without a beginning


def cell_of(axis: Axis, mask: int) -> Cell:
    """Return the cell that lets exactly the classes of a mask through."""
    parts = [axis.parts[number] for number in bits(mask)]
    unknown = any(part.unknown for part in parts) or mask == axis.full
    if axis.column.kind in ORDERED:
        return Cell("", spans=union(span for part in parts for span in part.spans), unknown=unknown)
    if any(part.others for part in parts):
        rest = bits(axis.full & ~mask)
        outside = frozenset(word for number in rest for word in axis.parts[number].values)
        return Cell("", values=outside, inverted=True, unknown=unknown)
    return Cell("", values=frozenset(word for part in parts for word in part.values), unknown=unknown)


def box_json(grid: Grid, box: Box) -> tuple[Mapping[str, object], ...]:
    """Return one entry per input column: any, values or intervals, and unknown where it belongs."""
    return tuple(_entry(axis, mask) for axis, mask in zip(grid.axes, box, strict=True))


def _entry(axis: Axis, mask: int) -> Mapping[str, object]:
    entry: dict[str, object] = {"column": axis.column.name}
    if mask == axis.full:
        return entry | {"any": True}
    parts = [axis.parts[number] for number in bits(mask)]
    if axis.column.kind in ORDERED:
        spans = union(span for part in parts for span in part.spans)
        if spans:
            intervals = [interval_json(axis.column, span) for span in spans]
            entry["intervals"] = intervals
            if axis.column.kind is Kind.NUMBER and all(is_point(span) for span in axis.column.spans):
                entry["values"] = [interval["low"] for interval in intervals]
    elif any(part.values or part.others for part in parts):
        words = [word for part in parts for word in part.values]
        listed = {word: place for place, word in enumerate(axis.column.values)}
        words.sort(key=lambda word: (listed.get(word, len(listed)), word))
        entry["values"] = [word == "true" for word in words] if axis.column.kind is Kind.BOOLEAN else words
        if any(part.others for part in parts):
            entry["others"] = True
    if any(part.unknown for part in parts):
        entry["unknown"] = True
    return entry


def is_point(span: Span) -> bool:
    """Say whether a span holds a single value, as those of an enumeration of numbers do."""
    return span.low is not None and span.high == (span.low[0], 1) and span.low[1] == 0


def interval_json(column: Column, span: Span) -> Mapping[str, object]:
    """Return an interval with its ends as JSON values; null is no end."""
    whole = column.kind in WHOLE_STEPS
    span = endless(span, column.kind)
    low, high = span.low, span.high
    return {
        "low": None if low is None else _json_value(column, low[0]),
        "low_closed": low is not None and not low[1],
        "high": None if high is None else _json_value(column, high[0] - 1 if whole else high[0]),
        "high_closed": high is not None and (whole or bool(high[1])),
    }


def _json_value(column: Column, position: Position) -> object:
    return json_value(value_at(column.kind, position, zoned=column.zoned), column.kind)


def json_value(value: Scalar | None, kind: Kind) -> object:
    """Return a value as JSON has it: numbers and booleans as such, dates and durations as ISO text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return show(value, kind) if kind is Kind.MONTHS else value
    if isinstance(value, Decimal):
        number = whole_if_whole(value)
        return number if isinstance(number, int) else float(number)
    return show(value, kind)


def sentence(grid: Grid, box: Box) -> tuple[str, tuple[str, ...]]:
    """Say which inputs a box holds, and return the names of the columns that it limits."""
    said = [(axis, mask) for axis, mask in zip(grid.axes, box, strict=True) if mask != axis.full]
    rest = [f"any {axis.column.name}" for axis, mask in zip(grid.axes, box, strict=True) if mask == axis.full]
    text = ", ".join(f"{axis.column.name} {in_words(axis.column, cell_of(axis, mask))}" for axis, mask in said)
    free = f" ({', '.join(rest)})" if rest and said else ""
    return (text + free or "any input"), tuple(axis.column.name for axis, _ in said)


def in_words(column: Column, cell: Cell) -> str:
    """Say what a cell lets through: `0 to 6`, `under 28 days`, `purchase or delivery`, `unknown`."""
    if takes_every_value(column, cell):
        return "any" if cell.unknown or not column.unknown else "any known value"
    if column.kind in ORDERED:
        items = [_span_in_words(column, span) for span in cell.spans]
    elif cell.inverted:
        items = [f"anything but {', '.join(sorted(cell.values))}"] if cell.values else ["any known value"]
    else:
        listed = {word: place for place, word in enumerate(column.values)}
        items = sorted(cell.values, key=lambda word: (listed.get(word, len(listed)), word))
    if cell.unknown and column.unknown:
        items.append("unknown")
    return " or ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items) if items else "nothing"


def _span_in_words(column: Column, span: Span) -> str:
    span = endless(span, column.kind)
    low, high = span.low, span.high
    if column.spans and len(column.spans) == 1 and low == column.spans[0].low and column.kind not in WHOLE_STEPS:
        low = None
    whole = column.kind in WHOLE_STEPS
    first = "" if low is None else _value_in_words(column, low[0])
    last = "" if high is None else _value_in_words(column, high[0] - 1 if whole else high[0])
    if low is None:
        return f"{_upper_word(high, whole)} {last}" if high else "any"
    if high is None:
        return f"above {first}" if low[1] else f"{first} or more"
    if first == last:
        return first
    if whole or (not low[1] and high[1]):
        return f"{first} to {last}"
    return f"{'above' if low[1] else 'from'} {first} to {'' if high[1] else 'under '}{last}"


def _upper_word(high: Cut | None, whole: bool) -> str:
    return "up to" if whole or (high and high[1]) else "under"


def _value_in_words(column: Column, position: Position) -> str:
    value = value_at(column.kind, position, zoned=column.zoned)
    if isinstance(value, timedelta) and value % timedelta(days=1) == timedelta():
        return f"{value.days} day" if value.days == 1 else f"{value.days} days"
    return show(value, column.kind)


def sample(grid: Grid, box: Box) -> dict[str, Scalar | None]:
    """Pick one set of inputs that lies in a box, such as a case of cases.csv shows it."""
    return {axis.column.name: sample_value(axis, mask) for axis, mask in zip(grid.axes, box, strict=True)}


def sample_value(axis: Axis, mask: int) -> Scalar | None:
    """Return one value of the first class of a mask; None is the unknown one."""
    part = axis.parts[bits(mask)[0]]
    if part.unknown:
        return None
    if part.spans:
        return value_at(axis.column.kind, inner(axis.column, part.spans[0]), zoned=axis.column.zoned)
    if part.values:
        return part.values[0] == "true" if axis.column.kind is Kind.BOOLEAN else part.values[0]
    return "another value"


def inner(column: Column, interval: Span) -> Position:
    """Return a position inside a span, its lower end where that belongs to it."""
    if column.kind is Kind.ORDERED_TEXT:
        return _inner_text(interval)
    interval = endless(interval, column.kind)
    if interval.low is None:
        usual = _USUAL_DAY if column.kind is Kind.DATE else 0
        return usual if interval.high is None or interval.high > (usual, 0) else interval.high[0] - 1
    if not interval.low[1]:
        return interval.low[0]
    if interval.high is None or interval.high[0] > interval.low[0] + 1:
        return interval.low[0] + 1
    together = Decimal(interval.low[0]) + Decimal(interval.high[0])
    return whole_if_whole(together / 2) if column.kind is Kind.NUMBER else int(together // 2)


def _inner_text(span: Span) -> Position:
    """Return a text inside a span: its lower end, or a longer one before its upper end."""
    start = "" if span.low is None else str(span.low[0])
    if span.low is None or not span.low[1]:
        return position_of(Kind.ORDERED_TEXT, start)
    longer = [position_of(Kind.ORDERED_TEXT, start + more) for more in ("a", " ", "\t", "\0")]
    return next((text for text in longer if span.high is None or (text, 0) < span.high), longer[-1])


def sample_in_words(table: Table, inputs: Mapping[str, Scalar | None]) -> str:
    """Say a set of inputs: `trigger delivery, score 7`."""
    kinds = {column.name: column.kind for column in table.inputs}
    return ", ".join(f"{name} {show(value, kinds[name])}" for name, value in inputs.items())


def paste_row(table: Table, grid: Grid, box: Box, rule_id: str, outputs: Rule | None) -> str:
    """Return a line in the form of the table's file that covers exactly a box, with another rule's outputs."""
    texts = {"id": rule_id}
    for axis, mask in zip(grid.axes, box, strict=True):
        cell = cell_of(axis, mask)
        if axis.column.name == ON and any(name in _folded(table.header) for name in VALID):
            texts |= dict(zip(VALID, write_validity(axis.column, cell), strict=True))
        else:
            texts[axis.column.name.lower()] = write_cell(axis.column, cell)
    for column in table.outputs:
        texts[column.name.lower()] = write_output(column, outputs.outputs.get(column.name)) if outputs else ""
    return write_rows([[texts.get(name, "") for name in _folded(table.header)]], table.delimiter).rstrip("\n")


def _folded(header: Sequence[str]) -> list[str]:
    return [" ".join(name.split()).lower() for name in header]
