"""Propose a small set of cases: one for each rule, and both sides of each boundary.

Chosen greedily from the corners of the rules, so that few cases cover much; what they expect is what the table says
now, to be read by a person before it is kept.
"""

from collections.abc import Iterator, Sequence

from workers.decision_table.decisions.boxes import inner, sample_value
from workers.decision_table.decisions.compiled import Compiled
from workers.decision_table.files.cell_writer import write_position, write_rows, write_word
from workers.decision_table.model.grid import Axis, bits
from workers.decision_table.model.spans import Cut, Span, within
from workers.decision_table.model.table import Column, OutcomeKind
from workers.decision_table.model.values import (
    MICROSECONDS_A_DAY,
    ORDERED,
    WHOLE_STEPS,
    Kind,
    Position,
    Scalar,
    position_of,
    show,
    value_at,
)

Target = tuple[str, str, str]
_Choice = tuple[Scalar | None, frozenset[Target]]


def propose_cases(compiled: Compiled) -> str:
    """Return a cases.csv for a table: its inputs and the rule that applies, as CSV text."""
    table = compiled.table
    candidates = list(_candidates(compiled))
    left = {target for _, targets in candidates for target in targets}
    rows = []
    while left:
        values, targets = max(candidates, key=lambda candidate: len(candidate[1] & left))
        left -= targets
        rows.append(values)
    names = [axis.column.name for axis in compiled.grid.axes]
    texts = [
        [_write(axis, value) for axis, value in zip(compiled.grid.axes, row, strict=True)] + [_expected(compiled, row)]
        for row in sorted(rows, key=lambda row: _order(compiled, row))
    ]
    return write_rows([[*names, "rule"], *texts], table.delimiter)


def _order(compiled: Compiled, row: Sequence[Scalar | None]) -> tuple[int, ...]:
    names = [axis.column.name for axis in compiled.grid.axes]
    outcome = compiled.decide(dict(zip(names, row, strict=True)))
    return tuple(rule.row for rule in outcome.rules)


def _expected(compiled: Compiled, row: Sequence[Scalar | None]) -> str:
    names = [axis.column.name for axis in compiled.grid.axes]
    outcome = compiled.decide(dict(zip(names, row, strict=True)))
    if outcome.kind is OutcomeKind.MATCHED:
        return ",".join(write_word(rule.id) for rule in outcome.rules) or "none"
    return "otherwise" if outcome.kind is OutcomeKind.OTHERWISE else "none"


def _candidates(compiled: Compiled) -> Iterator[tuple[tuple[Scalar | None, ...], frozenset[Target]]]:
    """Yield points at the corners of each rule with the targets they hit."""
    grid = compiled.grid
    names = [axis.column.name for axis in grid.axes]
    for masks in grid.masks:
        choices = [_choices(axis, mask) for axis, mask in zip(grid.axes, masks, strict=True)]
        for turn in range(max(len(choice) for choice in choices)):
            picked = [choice[turn % len(choice)] for choice in choices]
            values = tuple(value for value, _ in picked)
            outcome = compiled.decide(dict(zip(names, values, strict=True)))
            rules = {("rule", rule.id, "") for rule in outcome.rules}
            yield values, frozenset(rules | {target for _, targets in picked for target in targets})


def _choices(axis: Axis, mask: int) -> list[_Choice]:
    """Return the values of one cell worth trying, each with the sides of boundaries that it stands on."""
    column = axis.column
    if mask == axis.full:
        return [(sample_value(axis, mask), frozenset())]
    if column.kind not in ORDERED:
        return [(sample_value(axis, 1 << number), frozenset({(column.name, str(number), "")})) for number in bits(mask)]
    targets_of: dict[Scalar | None, frozenset[Target]] = {}
    for number in bits(mask):
        part = axis.parts[number]
        if part.unknown:
            targets_of[None] = frozenset({(column.name, "unknown", "")})
        for span in part.spans:
            for value, targets in _corners(axis, span):
                targets_of[value] = targets_of.get(value, frozenset()) | targets
    return list(targets_of.items()) or [(sample_value(axis, mask), frozenset())]


def _corners(axis: Axis, span: Span) -> Iterator[_Choice]:
    """Yield the values just inside the ends of a span, where there is something on their other side."""
    kind = axis.column.kind
    if span.low is not None and span.low not in _ends(axis):
        yield _choice(axis, _just_after(kind, span.low, span.high), (span.low, "after"))
    if span.high is not None and span.high not in _ends(axis):
        yield _choice(axis, _just_before(kind, span.high, span.low), (span.high, "before"))


def _choice(axis: Axis, position: Position, side: tuple[Cut, str]) -> _Choice:
    value = value_at(axis.column.kind, position, zoned=axis.column.zoned)
    return value, frozenset({(axis.column.name, f"{side[0][0]} {side[0][1]}", side[1])})


def _ends(axis: Axis) -> set[Cut]:
    """Return the cuts at which the domain itself begins or ends: there is nothing on their other side."""
    return {cut for span in axis.column.spans for cut in (span.low, span.high) if cut is not None}


def _step(kind: Kind) -> Position:
    return MICROSECONDS_A_DAY if kind in (Kind.DURATION, Kind.MOMENT) else 1


def _just_after(kind: Kind, low: Cut, high: Cut | None) -> Position:
    if not low[1]:
        return low[0]
    if kind is Kind.ORDERED_TEXT:
        return inner(Column("", kind), Span(low, high))
    return _inside(kind, low, high, low[0] + _step(kind))


def _just_before(kind: Kind, high: Cut, low: Cut | None) -> Position:
    if high[1]:
        return high[0]
    if kind is Kind.ORDERED_TEXT:
        return inner(Column("", kind), Span(low, high))
    return _inside(kind, low, high, high[0] - _step(kind))


def _inside(kind: Kind, low: Cut | None, high: Cut | None, wanted: Position) -> Position:
    """Return the wanted position if it lies between two cuts, else some position that does."""
    interval = Span(low, high)
    return wanted if within(wanted, (interval,)) else inner(Column("", kind), interval)


def _write(axis: Axis, value: Scalar | None) -> str:
    column = axis.column
    if value is None:
        return "unknown"
    if column.kind is Kind.DURATION or column.kind in WHOLE_STEPS:
        return write_position(column, position_of(column.kind, value))
    return write_word(value) if isinstance(value, str) else show(value, column.kind)
