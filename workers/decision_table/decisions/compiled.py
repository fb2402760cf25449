"""Decide by a compiled table: classify each input, look the combination up, apply the hit policy.

Nothing is silent: no rule gives `otherwise` or is parked, two under UNIQUE are parked, an input outside its domain is
refused. Must not do I/O; a Compiled only fills its own memo, so one may be shared between threads.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from math import inf, isfinite, nextafter
from operator import itemgetter

from workers.decision_table.model.grid import Axis, Grid, bits, build_grid, is_small
from workers.decision_table.model.spans import Cut
from workers.decision_table.model.table import (
    MANY_HITS,
    HitPolicy,
    Inputs,
    Outcome,
    OutcomeKind,
    Rule,
    Table,
    Unreadable,
)
from workers.decision_table.model.values import Kind, Scalar, Value, value_at

_MOST_REMEMBERED = 65_536  # combinations kept; past it the memo starts anew, so that memory stays bounded
_MOST_FLOAT = Decimal(10) ** 300  # floats end soon after
_DISCRETE: Mapping[Kind, type] = {Kind.INTEGER: int, Kind.TEXT: str, Kind.BOOLEAN: bool}
_NATIVE: Mapping[Kind, type] = {Kind.INTEGER: int, Kind.DURATION: timedelta, Kind.DATE: date}


class Compiled:
    """A table ready to decide.

    A combination of classes has a key, the sum of each axis's share (class times stride). The values of discrete
    columns give their share by one look-up of all of them together, ordered ones by a search each.
    """

    __slots__ = (
        "_discrete",
        "_doubtful",
        "_guards",
        "_memo",
        "_numbers",
        "_ordered",
        "_other",
        "_pick",
        "_searched",
        "_shares",
        "_spare",
        "grid",
        "table",
    )

    def __init__(self, table: Table, grid: Grid) -> None:
        self.table = table
        self.grid = grid
        self._discrete, self._searched, self._numbers, self._other = _steps(grid.axes)
        self._ordered = bool(self._searched or self._numbers or self._other)
        self._spare = frozenset(column.name for column in table.inputs if column.spare)
        self._pick = _picker([step[0] for step in self._discrete])
        self._shares: dict[tuple[Value, ...], int] = {}
        # Python holds True and 1 for equal: what holds a 0 or a 1 is kept apart, and counts only after a check.
        self._guards = tuple((place, step[1]) for place, step in enumerate(self._discrete) if step[1] is not str)
        self._doubtful: dict[tuple[Value, ...], int] = {}
        self._memo: dict[int, Outcome] = {}

    def decide(self, inputs: Inputs) -> Outcome:
        """Return what the table says. Raises BadInput when an input is missing or outside its domain.

        A bare number in a duration column counts days.
        """
        if self._spare and not self._spare <= inputs.keys():
            inputs = self.table.filled(inputs)
        try:
            picked = self._pick(inputs)
            key = self._shares.get(picked)
            if key is None:
                key = self._doubtful.get(picked)
                for place, kind in self._guards:
                    if picked[place].__class__ is not kind:
                        key = None
        except (KeyError, TypeError):  # an input is missing, or cannot be a value: `classify` says which
            key = None
        if key is None:
            key = self._classify_discrete(inputs)
        if self._ordered:
            key += self._ordered_share(inputs)
        outcome = self._memo.get(key)
        return self._remember(key) if outcome is None else outcome

    def _ordered_share(self, inputs: Inputs) -> int:
        """Return the columns' classes found by bisection, packed into one number: part of a cache key."""
        key = 0
        for name, kind, ends, shares, classify in self._searched:
            value = inputs.get(name)
            share = shares[bisect_right(ends, value)] if value.__class__ is kind else None  # type: ignore[type-var]  # same kind
            key += classify(value) if share is None else share
        for name, floors, shares, classify in self._numbers:
            value = inputs.get(name)
            kind = value.__class__
            # A difference with itself is 0 for every number that can be compared: not for nan, not for infinity.
            plain = kind is int or (kind is float and value - value == 0)  # type: ignore[operator]  # a float
            share = shares[bisect_right(floors, value)] if plain else None  # type: ignore[type-var]  # a number
            key += classify(value) if share is None else share
        for name, classify in self._other:
            key += classify(inputs.get(name))
        return key

    def _classify_discrete(self, inputs: Inputs) -> int:
        """Return the share of the discrete columns, and keep it when every value is of its column's own type."""
        values = tuple(inputs.get(step[0]) for step in self._discrete)
        key = sum(step[2](value) for step, value in zip(self._discrete, values, strict=True))
        if all(value.__class__ is step[1] for step, value in zip(self._discrete, values, strict=True)):
            kept = self._doubtful if any(value in (0, 1) for value in values) else self._shares
            if len(kept) >= _MOST_REMEMBERED:
                kept.clear()
            kept[values] = key
        return key

    def hits(self, inputs: Inputs) -> list[Rule]:
        """Return every rule that matches, whatever the hit policy. Raises BadInput."""
        given = self.table.filled(inputs)
        point = self.grid.classify([given.get(axis.column.name) for axis in self.grid.axes])
        return [self.grid.rules[number] for number in bits(self.grid.hits(point))]

    def _remember(self, key: int) -> Outcome:
        point = []
        rest = key
        for axis in self.grid.axes:
            rest, number = divmod(rest, len(axis.parts))
            point.append(number)
        matching = [self.grid.rules[number] for number in bits(self.grid.hits(point))]
        outcome = apply_policy(self.table, matching)
        if len(self._memo) >= _MOST_REMEMBERED:
            self._memo.clear()
        self._memo[key] = outcome
        return outcome


_Step = tuple[str, type, Callable[[Value], int]]
_Search = tuple[str, type, Sequence[object], Sequence[int | None], Callable[[Value], int]]
_Number = tuple[str, Sequence[float], Sequence[int | None], Callable[[Value], int]]
_Steps = tuple[
    tuple[_Step, ...], tuple[_Search, ...], tuple[_Number, ...], tuple[tuple[str, Callable[[Value], int]], ...]
]


def _steps(axes: Sequence[Axis]) -> _Steps:
    """Return how each axis's value becomes its share of the key: looked up, searched, or classified step by step.

    Values of the usual Python type take the short way; everything else goes through `classify`, which also words the
    refusal.
    """
    discrete: list[_Step] = []
    searched: list[_Search] = []
    numbers: list[_Number] = []
    other: list[tuple[str, Callable[[Value], int]]] = []
    stride = 1
    for axis in axes:
        name, kind = axis.column.name, axis.column.kind
        classify = _scaled(axis, stride)
        if kind in _DISCRETE and (kind is not Kind.INTEGER or is_small(axis)):
            discrete.append((name, _DISCRETE[kind], classify))
        elif kind in _NATIVE and (ends := _ends(axis)) is not None:
            searched.append((name, _NATIVE[kind], ends, _shares(axis, stride), classify))
        elif kind is Kind.NUMBER and (floors := _floors(axis.cuts)) is not None:
            numbers.append((name, floors, _shares(axis, stride), classify))
        else:
            other.append((name, classify))
        stride *= max(1, len(axis.parts))
    return tuple(discrete), tuple(searched), tuple(numbers), tuple(other)


def _ends(axis: Axis) -> list[Scalar] | None:
    """Return, for each cut, the first value after it; None where that leaves what Python's type can hold.

    Inputs of these kinds come in whole steps (a timedelta in microseconds): just after one value is the next.
    """
    try:
        return [value_at(axis.column.kind, position + side) for position, side in axis.cuts]
    except (OverflowError, ValueError):
        return None


def _shares(axis: Axis, stride: int) -> list[int | None]:
    return [None if number < 0 else number * stride for number in axis.regions]


def _floors(cuts: Sequence[Cut]) -> list[float] | None:
    """Return, for each cut, the smallest float above it; None where floats cannot tell the cuts' values apart.

    A float stands for the shortest decimal that gives it (its repr), so that 0.1 is the 0.1 of the table.
    """
    floors = []
    for position, side in cuts:
        nearest = float(position) if -_MOST_FLOAT < position < _MOST_FLOAT else inf
        if not isfinite(nearest) or Decimal(repr(nearest)) != position:
            return None
        floors.append(nextafter(nearest, inf) if side else nearest)
    return floors


def _picker(names: Sequence[str]) -> Callable[[Inputs], tuple[Value, ...]]:
    """Return a function that takes the named inputs out as a tuple, and raises KeyError when one is missing."""
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        only = names[0]
        return lambda inputs: (inputs[only],)
    return lambda inputs: ()


def _scaled(axis: Axis, stride: int) -> Callable[[Value], int]:
    classify = axis.classify
    return classify if stride == 1 else lambda value: classify(value) * stride


def compile_table(table: Table) -> Compiled:
    """Compile a table, complete or not. Raises Unreadable, listing the cells, when one cannot be read."""
    if table.faults:
        raise Unreadable("\n".join(fault.message for fault in table.faults))
    return Compiled(table, build_grid(table.inputs, table.rules, tolerant=True))


def apply_policy(table: Table, matching: Sequence[Rule]) -> Outcome:
    """Return the outcome of the rules that match, in row order, under the table's hit policy (DMN 1.3, 8.2.11)."""
    if not matching:
        return _no_rule(table)
    policy = table.hit_policy
    if policy in MANY_HITS:
        chosen = ranked(table, matching) if policy is HitPolicy.OUTPUT_ORDER else list(matching)
        return _matched(chosen)
    if policy is HitPolicy.FIRST:
        return _matched(matching[:1])
    if policy is HitPolicy.PRIORITY:
        return _matched(ranked(table, matching)[:1])
    if policy is HitPolicy.ANY and all(rule.outputs == matching[0].outputs for rule in matching):
        return _matched(matching[:1])
    if len(matching) == 1:
        return _matched(matching)
    return Outcome(OutcomeKind.PARKED, tuple(matching), reason=_clash(policy, matching))


def _matched(rules: Sequence[Rule]) -> Outcome:
    return Outcome(OutcomeKind.MATCHED, tuple(rules), tuple(rule.outputs for rule in rules))


def _clash(policy: HitPolicy, matching: Sequence[Rule]) -> str:
    names = ", ".join(f"{rule.id} (row {rule.row})" for rule in matching)
    why = "only one may" if policy is HitPolicy.UNIQUE else "they disagree"
    return f"Rules {names} all match, and under {policy} {why}: narrow one of them, then decide again."


def _no_rule(table: Table) -> Outcome:
    default = table.otherwise
    if default is not None:
        return Outcome(OutcomeKind.OTHERWISE, (), (default,))
    if table.hit_policy in MANY_HITS:
        return Outcome(OutcomeKind.MATCHED)
    return Outcome(OutcomeKind.PARKED, reason="No rule matches: add a row for it, then decide again.")


def ranked(table: Table, rules: Sequence[Rule]) -> list[Rule]:
    """Return rules by the rank of their outputs, left to right; equal ones stay in row order."""
    places: list[tuple[str, dict[Scalar | None, int]]] = [
        (column.name, {value: place for place, value in enumerate(column.ranked)})
        for column in table.outputs
        if column.ranked
    ]

    def rank(rule: Rule) -> tuple[int, ...]:
        return tuple(order.get(rule.outputs.get(name), len(order)) for name, order in places)

    return sorted(rules, key=rank)
