"""Turn S-FEEL tests into cells over a column, with FEEL's treatment of null and type errors found.

Must not read XML.
"""

from collections.abc import Sequence
from dataclasses import replace

from workers.decision_table.dmn.sfeel import Interval, Literal, Sign, Test, Tests
from workers.decision_table.model.cells import (
    CellError,
    any_cell,
    check_inside,
    domain_text,
    either,
    not_one_of,
    passable,
)
from workers.decision_table.model.spans import Spans, common, everything_of, outside, span, union, within
from workers.decision_table.model.table import Cell, Column
from workers.decision_table.model.values import ORDERED, WHOLE_STEPS, Kind, Position, position_of


def cell_from_tests(text: str, column: Column, tests: Tests) -> Cell:
    """Return the cell of a column for parsed tests. Raises CellError (E302, E303)."""
    if not tests.tests:
        return any_cell(column, text)
    unknown = _null_passes(tests)
    if column.kind in ORDERED:
        spans = union(interval for test in tests.tests for interval in _spans(column, test))
        spans = common(outside(spans) if tests.inverted else spans, column.spans)
        return passable(column, Cell(text, spans=spans, unknown=unknown))
    values, inverted = _words(column, tests.tests)
    return passable(column, Cell(text, values=values, inverted=inverted is not tests.inverted, unknown=unknown))


def _null_passes(tests: Tests) -> bool:
    """Say whether null passes: it equals only null, and every other comparison with it is null (DMN 1.3, 10.3.2)."""
    held: list[bool | None] = []
    for test in tests.tests:
        if isinstance(test, Interval) or test.sign not in (Sign.EQUAL, Sign.UNEQUAL):
            held.append(None)
        else:
            held.append((test.literal.kind is None) is (test.sign is Sign.EQUAL))
    if tests.inverted:
        return all(passed is False for passed in held)
    return any(held)


def _spans(column: Column, test: Test | Interval) -> Spans:
    """Return what one test lets through, and refuse one that no value of the domain can pass."""
    spans = _unclipped(column, test)
    if not isinstance(test, Interval) and test.literal.kind is None:
        return spans
    if not common(spans, column.spans):
        text = test.text if isinstance(test, Interval) else f"{test.sign.value} {test.literal.text}"
        raise CellError("E302", f"{text} lets nothing through: {column.name} goes {domain_text(column)}.")
    return spans


def _unclipped(column: Column, test: Test | Interval) -> Spans:
    whole = column.kind in WHOLE_STEPS
    if isinstance(test, Interval):
        low, high = _position(column, test.low), _position(column, test.high)
        interval = span(low, high, low_closed=test.low_closed, high_closed=test.high_closed, whole=whole)
        if low > high:
            raise CellError("E303", f"{test.text} runs backwards: write the lower end first.")
        if interval.empty:
            raise CellError("E303", f"{test.text} lets nothing through: its lower end is not below its upper one.")
        check_inside(column, test.text, interval)
        return (interval,)
    if test.literal.kind is None:
        return column.spans if test.sign is Sign.UNEQUAL else ()
    here = _position(column, test.literal)
    return _compared(column, test, here)


def _compared(column: Column, test: Test, here: Position) -> Spans:
    whole = column.kind in WHOLE_STEPS
    text = f"{test.sign.value} {test.literal.text}"
    exact = span(here, here, whole=whole)
    if test.sign in (Sign.EQUAL, Sign.UNEQUAL):
        check_inside(column, test.literal.text, exact)
        return (exact,) if test.sign is Sign.EQUAL else outside((exact,))
    if test.sign in (Sign.ABOVE, Sign.FROM):
        interval = span(here, None, low_closed=test.sign is Sign.FROM, whole=whole)
    else:
        interval = span(None, here, high_closed=test.sign is Sign.UP_TO, whole=whole)
    if common((interval,), column.spans) and test.sign in (Sign.FROM, Sign.UP_TO):
        check_inside(column, text, exact)
    return (interval,)


def _position(column: Column, literal: Literal) -> Position:
    if literal.kind is None or not _fits(column.kind, literal.kind):
        raise CellError("E302", f"{literal.text} is not of the column's type, {column.kind}.")
    return position_of(column.kind, literal.value)


def _fits(column: Kind, literal: Kind) -> bool:
    alike = ((Kind.INTEGER, Kind.NUMBER), (Kind.ORDERED_TEXT, Kind.TEXT))
    return literal is column or (column, literal) in alike


def _words(column: Column, tests: Sequence[Test | Interval]) -> tuple[frozenset[str], bool]:
    sets: list[tuple[frozenset[str], bool]] = []
    for test in tests:
        if isinstance(test, Interval) or compares(test):
            sets.append((_compared_words(column, test), False))
            continue
        if test.literal.kind is None:
            # `!= null` lets every known value through, `null` none.
            words, turned = frozenset[str](), test.sign is Sign.UNEQUAL
        else:
            words, turned = frozenset({_word(column, test.literal)}), test.sign is Sign.UNEQUAL
        sets.append((words, turned))
    return either(sets)


def compares(test: Test | Interval) -> bool:
    """Say whether a test asks for an order, and not only for the same."""
    return isinstance(test, Interval) or test.sign not in (Sign.EQUAL, Sign.UNEQUAL)


def _compared_words(column: Column, test: Test | Interval) -> frozenset[str]:
    """Return which of a column's listed texts stand where a test wants them, sign by sign as FEEL compares."""
    if column.kind is not Kind.TEXT:
        raise CellError("E302", f"{column.kind} values can only be equal or unequal, not be compared by size.")
    ordered = replace(column, kind=Kind.ORDERED_TEXT, spans=everything_of(Kind.ORDERED_TEXT))
    spans = _spans(ordered, test)
    return frozenset(word for word in column.values if within(position_of(Kind.ORDERED_TEXT, word), spans))


def _word(column: Column, literal: Literal) -> str:
    if literal.kind is not column.kind:
        raise CellError("E302", f"{literal.text} is not of the column's type, {column.kind}.")
    word = ("true" if literal.value else "false") if column.kind is Kind.BOOLEAN else str(literal.value)
    if column.values and not column.others and word not in column.values:
        raise CellError("E302", not_one_of(word, column.values))
    return word


def domain_of(column: Column, tests: Tests) -> Column:
    """Return a column whose domain is what its list of allowed values says. Raises CellError."""
    if not tests.tests:
        return column
    nullable = any(literal.kind is None for literal in tests.literals)
    if column.kind in ORDERED:
        cell = cell_from_tests("", column, tests)
        return replace(column, spans=cell.spans, unknown=nullable)
    if _words(replace(column, values=()), tests.tests)[1] or tests.inverted:
        return replace(column, others=column.kind is Kind.TEXT)
    ordered = [_word(replace(column, values=()), literal) for literal in tests.literals if literal.kind is not None]
    return replace(column, values=tuple(dict.fromkeys(ordered)), unknown=nullable)
