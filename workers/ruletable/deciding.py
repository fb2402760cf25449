"""Decide by a compiled table: classify each input, look the combination up, apply the hit policy.

Nothing is silent: no rule gives `otherwise` or is parked, two under UNIQUE are parked, an input outside its domain is
refused. Must not do I/O; a Compiled only fills its own memo, so one may be shared between threads.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from workers.ruletable.grid import Axis, Grid, bits, build_grid, dense_index
from workers.ruletable.model import (
    MANY_HITS,
    HitPolicy,
    Inputs,
    Outcome,
    OutcomeKind,
    Rule,
    Table,
    Unreadable,
)
from workers.ruletable.values import Kind, Scalar, Value, value_at

_MOST_REMEMBERED = 65_536  # combinations kept; past it the memo starts anew, so that memory stays bounded
_KEYED: Mapping[Kind, type] = {Kind.INTEGER: int, Kind.TEXT: str, Kind.BOOLEAN: bool}
_NATIVE: Mapping[Kind, type] = {Kind.INTEGER: int, Kind.DURATION: timedelta, Kind.DATE: date}


class Compiled:
    """A table ready to decide."""

    __slots__ = ("_looked_up", "_memo", "_searched", "grid", "table")

    def __init__(self, table: Table, grid: Grid) -> None:
        self.table = table
        self.grid = grid
        self._looked_up, self._searched = _steps(grid.axes)
        self._memo: dict[int, Outcome] = {}

    def decide(self, inputs: Inputs) -> Outcome:
        """Return what the table says. Raises BadInput when an input is missing or outside its domain.

        A whole number of a duration column counts days.
        """
        key = 0
        for name, kind, offsets, classify in self._looked_up:
            value = inputs.get(name)
            offset = offsets.get(value) if value.__class__ is kind else None
            key += classify(value) if offset is None else offset
        for name, kind, ends, shares, classify in self._searched:
            value = inputs.get(name)
            offset = shares[bisect_right(ends, value)] if value.__class__ is kind else None  # type: ignore[type-var]  # same kind
            key += classify(value) if offset is None else offset
        outcome = self._memo.get(key)
        return self._remember(key) if outcome is None else outcome

    def hits(self, inputs: Inputs) -> list[Rule]:
        """Return every rule that matches, whatever the hit policy. Raises BadInput."""
        point = self.grid.classify([inputs.get(axis.column.name) for axis in self.grid.axes])
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


_Lookup = tuple[str, type, Mapping[object, int], Callable[[Value], int]]
_Search = tuple[str, type, Sequence[object], Sequence[int | None], Callable[[Value], int]]


def _steps(axes: Sequence[Axis]) -> tuple[tuple[_Lookup, ...], tuple[_Search, ...]]:
    """Return, per axis, how a value becomes its share of the memo's key: its class times the axis's stride.

    Values of the usual Python type take the short way; everything else goes through `classify`, which also words the
    refusal.
    """
    looked_up: list[_Lookup] = []
    searched: list[_Search] = []
    stride = 1
    for axis in axes:
        name, kind = axis.column.name, axis.column.kind
        classify = _scaled(axis, stride)
        dense = dense_index(axis)
        if dense is None and kind in _NATIVE and all(side == 0 for _, side in axis.cuts):
            ends = [value_at(kind, position) for position, _ in axis.cuts]
            shares = [None if number < 0 else number * stride for number in axis.regions]
            searched.append((name, _NATIVE[kind], ends, shares, classify))
        else:
            offsets = {value: number * stride for value, number in (dense or {}).items()}
            looked_up.append((name, _KEYED.get(kind, _Nothing), offsets, classify))
        stride *= max(1, len(axis.parts))
    return tuple(looked_up), tuple(searched)


class _Nothing:
    """No input is of this class: every value goes through `classify`."""


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
