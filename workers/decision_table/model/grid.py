"""The finite form of a table: each column cut into classes that no rule tells apart, each rule a set of classes.

Checking and deciding both work on it, so that they cannot disagree. Bit c of a mask stands for class c, bit r of a
set of rules for the rule at index r. Must not know hit policies or messages.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from workers.decision_table.model.spans import Cut, Span, Spans, cuts_of, union
from workers.decision_table.model.table import Cell, Column, Rule
from workers.decision_table.model.values import ORDERED, Kind, Value, parse_scalar, position_of, show
from workers.errors import BadInput

_DENSE = 4096  # whole numbers of a smaller domain are looked up instead of searched


@dataclass(frozen=True, slots=True)
class Part:
    """What one class of a column stands for."""

    spans: Spans = ()
    values: tuple[str, ...] = ()
    others: bool = False
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """One column cut into classes; `has[c]` is the set of rules that class c passes."""

    column: Column
    parts: tuple[Part, ...]
    has: tuple[int, ...]
    index: dict[object, int]
    cuts: tuple[Cut, ...]
    regions: tuple[int, ...]

    @property
    def full(self) -> int:
        return (1 << len(self.parts)) - 1

    def classify(self, value: Value) -> int:
        """Return the class a value falls into. Raises BadInput when it is outside the domain."""
        column = self.column
        if value is None:
            return self._unknown_class()
        if column.kind in ORDERED:
            return self._ordered_class(value)
        word = _word(column, value)
        class_number = self.index.get(word)
        if class_number is None:
            class_number = self.index.get(None) if isinstance(word, str) else None
        if class_number is None:
            allowed = ", ".join(column.values)
            raise BadInput(f"{column.name} {show(value)!r} is outside its domain: it must be one of {allowed}.")
        return class_number

    def _unknown_class(self) -> int:
        for number, part in enumerate(self.parts):
            if part.unknown:
                return number
        raise BadInput(f"{self.column.name} is missing: this table needs it.")

    def _ordered_class(self, value: Value) -> int:
        try:
            position = position_of(self.column.kind, self._with_offset(value))
        except BadInput as fault:
            raise BadInput(f"{self.column.name}: {fault}") from None
        region = bisect_right(self.cuts, (position, 0))
        class_number = self.regions[region]
        if class_number < 0:
            shown = show(value) if value is not None else "unknown"
            raise BadInput(f"{self.column.name} {shown} is outside its domain.")
        return class_number

    def _with_offset(self, value: Value) -> Value:
        """Refuse a time with an offset beside times without one, and the other way round: they cannot be compared."""
        if self.column.kind not in (Kind.MOMENT, Kind.TIME):
            return value
        typed = parse_scalar(self.column.kind, value) if isinstance(value, str) else value
        if self.cuts and isinstance(typed, datetime | time) and (typed.tzinfo is not None) is not self.column.zoned:
            raise BadInput(f"{show(typed)} needs {'an' if self.column.zoned else 'no'} offset, as in the table.")
        return typed


_TRUTH = {"true": "true", "yes": "true", "false": "false", "no": "false"}


def _word(column: Column, value: Value) -> object:
    if column.kind is Kind.BOOLEAN:
        if isinstance(value, bool):
            return "true" if value else "false"
        return _TRUTH.get(value, 0) if isinstance(value, str) else 0
    if isinstance(value, bool) and set(column.values) == {"yes", "no"}:
        return "yes" if value else "no"
    return value if isinstance(value, str) else 0


@dataclass(frozen=True, slots=True)
class Grid:
    """All axes of a table, and each rule as one mask per axis."""

    axes: tuple[Axis, ...]
    rules: tuple[Rule, ...]
    masks: tuple[tuple[int, ...], ...]

    def classify(self, inputs: Sequence[Value]) -> tuple[int, ...]:
        """Return the classes of one value per axis. Raises BadInput."""
        return tuple(axis.classify(value) for axis, value in zip(self.axes, inputs, strict=True))

    def hits(self, point: Sequence[int]) -> int:
        """Return the rules that hold at a point, one bit each, in the order of the table."""
        rules_left = (1 << len(self.rules)) - 1
        for axis, number in zip(self.axes, point, strict=True):
            rules_left &= axis.has[number]
        return rules_left

    def touched(self, box: Sequence[int], *, but: int = -1) -> int:
        """Return the set of rules that meet a box in every axis but one."""
        rules_left = (1 << len(self.rules)) - 1
        for number, (axis, mask) in enumerate(zip(self.axes, box, strict=True)):
            if number != but and mask != axis.full:
                rules_left &= any_of(axis.has, mask)
        return rules_left


def bits(mask: int) -> list[int]:
    """List the places of the bits that are set, the lowest first."""
    numbers = []
    while mask:
        low = mask & -mask
        numbers.append(low.bit_length() - 1)
        mask ^= low
    return numbers


def any_of(sets: Sequence[int], mask: int) -> int:
    """Join the sets at the places of a mask's bits."""
    joined = 0
    while mask:
        low = mask & -mask
        joined |= sets[low.bit_length() - 1]
        mask ^= low
    return joined


def build_grid(inputs: Sequence[Column], rules: Sequence[Rule], *, tolerant: bool = False) -> Grid:
    """Cut every column into classes. With `tolerant`, columns also take the unknown value where they tolerate it."""
    axes = tuple(
        _ordered_axis(column, place, rules, tolerant)
        if column.kind in ORDERED
        else _text_axis(column, place, rules, tolerant)
        for place, column in enumerate(inputs)
    )
    return Grid(axes, tuple(rules), _masks(axes, len(rules)))


def _masks(axes: Sequence[Axis], count: int) -> tuple[tuple[int, ...], ...]:
    columns = []
    for axis in axes:
        masks = [0] * count
        for number, has in enumerate(axis.has):
            for rule in bits(has):
                masks[rule] |= 1 << number
        columns.append(masks)
    return tuple(zip(*columns, strict=True)) if columns else ((),) * count


def _ordered_axis(column: Column, place: int, rules: Sequence[Rule], tolerant: bool) -> Axis:
    cells = [rule.cells[place] for rule in rules]
    cuts = sorted(cuts_of(column.spans).union(*(cuts_of(cell.spans) for cell in cells)))
    passing = _sweep(cuts, [cell.spans for cell in cells])
    inside = _sweep(cuts, [column.spans])
    pieces = [Span(cuts[n - 1] if n else None, cuts[n] if n < len(cuts) else None) for n in range(len(cuts) + 1)]
    grouped: dict[int, list[int]] = {}
    for number, has in enumerate(passing):
        if inside[number]:
            grouped.setdefault(has, []).append(number)
    regions = [-1] * len(pieces)
    parts = []
    for number, members in enumerate(grouped.values()):
        parts.append(Part(spans=union(pieces[member] for member in members)))
        for member in members:
            regions[member] = number
    passed = list(grouped)
    if column.unknown or (tolerant and column.tolerant):
        parts.append(Part(unknown=True))
        passed.append(cells_unknown(cells))
    return Axis(column, tuple(parts), tuple(passed), {}, tuple(cuts), tuple(regions))


def _sweep(cuts: Sequence[Cut], sets: Sequence[Spans]) -> list[int]:
    """Return, for each piece between neighbouring cuts, the sets that contain it."""
    places = {cut: number for number, cut in enumerate(cuts, start=1)}
    changes = [0] * (len(cuts) + 2)
    for number, spans in enumerate(sets):
        for span in spans:
            changes[places[span.low] if span.low is not None else 0] ^= 1 << number
            if span.high is not None:
                changes[places[span.high]] ^= 1 << number
    regions, now = [], 0
    for change in changes[: len(cuts) + 1]:
        now ^= change
        regions.append(now)
    return regions


def _text_axis(column: Column, place: int, rules: Sequence[Rule], tolerant: bool) -> Axis:
    cells = [rule.cells[place] for rule in rules]
    closed = bool(column.values) and not column.others
    words = dict.fromkeys(column.values)
    for cell in cells:
        words.update(dict.fromkeys(sorted(cell.values)))
    passing: list[tuple[str | None, int]] = [
        (word, sum(1 << number for number, cell in enumerate(cells) if cell.holds(word)))
        for word in (column.values if closed else words)
    ]
    if not closed:
        passing.append((None, sum(1 << number for number, cell in enumerate(cells) if cell.inverted)))
    takes_unknown = column.unknown or (tolerant and column.tolerant)
    return _grouped_axis(column, passing, cells_unknown(cells) if takes_unknown else None)


def cells_unknown(cells: Sequence[Cell]) -> int:
    """Return the set of rules whose cell lets the unknown value through."""
    return sum(1 << number for number, cell in enumerate(cells) if cell.unknown)


def _grouped_axis(column: Column, passing: Sequence[tuple[str | None, int]], unknown: int | None) -> Axis:
    grouped: dict[int, list[str | None]] = {}
    for word, has in passing:
        grouped.setdefault(has, []).append(word)
    parts = [
        Part(values=tuple(word for word in words if word is not None), others=None in words)
        for words in grouped.values()
    ]
    index: dict[object, int] = {word: number for number, words in enumerate(grouped.values()) for word in words}
    passed = list(grouped)
    if unknown is not None:
        parts.append(Part(unknown=True))
        passed.append(unknown)
    return Axis(column, tuple(parts), tuple(passed), index, (), ())


def is_small(axis: Axis) -> bool:
    """Say whether a column of whole numbers has few values, so that they can be looked up one by one."""
    spans = axis.column.spans
    if not spans or spans[0].low is None or spans[-1].high is None:
        return False
    return spans[-1].high[0] - spans[0].low[0] <= _DENSE
