"""Explain a decision: the rule, cell by cell, and the rules that nearly applied.

Uses the compiled table that decides, so that an explanation cannot say anything else than the decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.decision_table.decisions.boxes import cell_of, in_words, json_value
from workers.decision_table.decisions.compiled import Compiled
from workers.decision_table.model.grid import Axis
from workers.decision_table.model.table import Inputs, Outcome, OutcomeKind, Rule
from workers.decision_table.model.values import (
    ORDERED,
    Kind,
    Scalar,
    Value,
    parse_scalar,
    position_of,
    show,
    value_at,
)

_MOST_MISSES = 5


@dataclass(frozen=True, slots=True)
class CellExplained:
    """One cell held against one input."""

    column: str
    value: object
    cell: str
    matches: bool
    message: str


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that would have applied but for the columns named."""

    rule: str
    row: int
    columns: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a table answered as it did; without a rule, `cells` shows the nearest one."""

    outcome: Outcome
    rules: tuple[str, ...]
    row: int | None
    version: str
    cells: tuple[CellExplained, ...]
    near_misses: tuple[NearMiss, ...]
    message: str

    def as_json(self) -> dict[str, object]:
        """Return the explanation as `boucle rules explain --format json` prints it."""
        return {
            "rules": list(self.rules),
            "row": self.row,
            "version": self.version,
            "cells": [
                {"column": tried.column, "value": tried.value, "cell": tried.cell, "matches": tried.matches,
                 "message": tried.message}
                for tried in self.cells
            ],
            "near_misses": [
                {"rule": miss.rule, "row": miss.row, "columns": list(miss.columns), "message": miss.message}
                for miss in self.near_misses
            ],
            "outcome": self.outcome.kind.value,
            "message": self.message,
        }  # fmt: skip


def explain(compiled: Compiled, inputs: Inputs) -> Explanation:
    """Explain what a compiled table says to inputs. Raises BadInput as `decide` does."""
    inputs = compiled.table.filled(inputs)
    outcome = compiled.decide(inputs)
    grid = compiled.grid
    point = grid.classify([inputs.get(axis.column.name) for axis in grid.axes])
    missed = _by_misses(compiled, point, outcome)
    shown = grid.rules.index(outcome.rules[0]) if outcome.rules else missed[0][0] if missed else None
    cells = () if shown is None else tuple(_cells(compiled, shown, point, inputs))
    return Explanation(
        outcome=outcome,
        rules=tuple(rule.id for rule in outcome.rules),
        row=outcome.rules[0].row if outcome.rules else None,
        version=compiled.table.version,
        cells=cells,
        near_misses=tuple(_near_miss(compiled, *miss, inputs) for miss in missed[:_MOST_MISSES]),
        message=_message(outcome),
    )


def _message(outcome: Outcome) -> str:
    if outcome.kind is OutcomeKind.OTHERWISE:
        return "No rule matches, so the otherwise line applies."
    if outcome.kind is OutcomeKind.PARKED:
        return outcome.reason
    names = ", ".join(f"{rule.id} (row {rule.row})" for rule in outcome.rules)
    return f"{names} applies." if len(outcome.rules) == 1 else f"{names or 'No rule'} apply."


def _by_misses(compiled: Compiled, point: Sequence[int], outcome: Outcome) -> list[tuple[int, tuple[int, ...]]]:
    """Return the rules that miss in the fewest columns, with those columns, nearest first."""
    chosen = {rule.row for rule in outcome.rules}
    misses = []
    for number, masks in enumerate(compiled.grid.masks):
        missing = tuple(
            axis for axis, (mask, part) in enumerate(zip(masks, point, strict=True)) if not mask >> part & 1
        )
        if compiled.grid.rules[number].row not in chosen:
            misses.append((number, missing))
    fewest = min((len(missing) for _, missing in misses if missing), default=0)
    return [miss for miss in misses if len(miss[1]) <= fewest]


def _near_miss(compiled: Compiled, number: int, missing: tuple[int, ...], inputs: Inputs) -> NearMiss:
    rule = compiled.grid.rules[number]
    axes = [compiled.grid.axes[axis] for axis in missing]
    if not axes:
        said = f"{rule.id} matches too, but {compiled.table.hit_policy} takes another."
        return NearMiss(rule.id, rule.row, (), said)
    why = " and ".join(
        f"{axis.column.name} is {_value_text(axis, inputs)}, not {_wanted(compiled, number, place)}"
        for axis, place in zip(axes, missing, strict=True)
    )
    columns = tuple(axis.column.name for axis in axes)
    return NearMiss(rule.id, rule.row, columns, f"{rule.id} would have applied, but {why}.")


def _wanted(compiled: Compiled, number: int, place: int) -> str:
    axis = compiled.grid.axes[place]
    return in_words(axis.column, cell_of(axis, compiled.grid.masks[number][place]))


def _cells(compiled: Compiled, number: int, point: Sequence[int], inputs: Inputs) -> list[CellExplained]:
    rule: Rule = compiled.grid.rules[number]
    explained = []
    for place, (axis, part) in enumerate(zip(compiled.grid.axes, point, strict=True)):
        matches = bool(compiled.grid.masks[number][place] >> part & 1)
        value = _value_text(axis, inputs)
        wanted = _wanted(compiled, number, place)
        message = f"{axis.column.name} {value} is {'' if matches else 'not '}in {wanted}"
        if compiled.grid.masks[number][place] == axis.full:
            message = f"{axis.column.name} may be anything; it is {value}"
        text = rule.cells[place].text or "-"
        shown = json_value(_typed(axis, inputs.get(axis.column.name)), axis.column.kind)
        explained.append(CellExplained(axis.column.name, shown, text, matches, message))
    return explained


def _value_text(axis: Axis, inputs: Inputs) -> str:
    return show(_typed(axis, inputs.get(axis.column.name)), axis.column.kind)


def _typed(axis: Axis, value: Value) -> Scalar | None:
    """Return an input as a value of its column's kind: 40 in a duration column is 40 days."""
    if value is None:
        return None
    if axis.column.kind in ORDERED:
        return value_at(axis.column.kind, position_of(axis.column.kind, value), zoned=axis.column.zoned)
    if axis.column.kind is Kind.BOOLEAN and isinstance(value, str):
        return parse_scalar(Kind.BOOLEAN, value)
    if isinstance(value, bool) and axis.column.kind is Kind.TEXT:
        return "yes" if value else "no"
    return value if isinstance(value, str | bool) else show(value)
