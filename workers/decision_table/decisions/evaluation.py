"""Evaluate a table on inputs as JSON has them, and give the result as JSON has it.

The same compiled form that decides; this only types what comes in and shapes what goes out.
"""

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal

from workers.decision_table.decisions.boxes import json_value
from workers.decision_table.decisions.compiled import Compiled
from workers.decision_table.model.table import MANY_HITS, Aggregator, Column, Inputs, Outcome, OutcomeKind, Table
from workers.decision_table.model.values import Kind, Scalar, Value, position_of
from workers.errors import BadInput

_PLAIN = (str, bool, int, float, Decimal)
_ANY = (*_PLAIN, date, time, timedelta)


def typed_inputs(table: Table, given: Mapping[str, object], *, plain: bool = True) -> Inputs:
    """Return the inputs of a table from JSON values, by column name, label or path; what is absent is unknown,
    or what the column says for that.

    Without `plain`, values that are already typed (dates, durations) pass too.

    Raises BadInput for a key that no column has and for a value that is no plain one.
    """
    values: dict[str, Value] = {}
    used: set[str] = set()
    for column in table.inputs:
        key, value = _find(column, given)
        used.add(key)
        if value is not None and not isinstance(value, _PLAIN if plain else _ANY):
            raise BadInput(f"{column.name} must be a single value, not {type(value).__name__}.")
        values[column.name] = value
    unknown = sorted(set(given) - used)
    if unknown and not table.nothing_is_null:
        names = ", ".join(column.name for column in table.inputs)
        raise BadInput(f"The table has no column {', '.join(unknown)}; it has {names}.")
    return values


def _find(column: Column, given: Mapping[str, object]) -> tuple[str, object]:
    for key in (column.name, column.label):
        if key and key in given:
            return key, given[key]
    if column.missing:
        return column.name, column.missing
    head, dot, rest = column.name.partition(".")
    inner: object = given.get(head) if dot else None
    for step in rest.split(".") if dot else ():
        inner = inner.get(step) if isinstance(inner, Mapping) else None
    return head, inner


def evaluate(compiled: Compiled, given: Mapping[str, object]) -> dict[str, object]:
    """Return `{"result", "rules"}`, or `{"error"}` when inputs or rules do not allow an answer."""
    table = compiled.table
    try:
        outcome = compiled.decide(typed_inputs(table, given))
    except BadInput as fault:
        return {"error": str(fault)}
    if outcome.kind is OutcomeKind.PARKED and outcome.rules:
        return {"error": outcome.reason}
    return {"result": result_of(table, outcome), "rules": [rule.id for rule in outcome.rules]}


def result_of(table: Table, outcome: Outcome) -> object:
    """Return an outcome as one JSON value: a value, an object of outputs, a list, or null when nothing matched."""
    shown = [_row(table, outputs) for outputs in outcome.outputs]
    if outcome.kind is OutcomeKind.OTHERWISE:
        return shown[0]
    if table.aggregator is not None:
        return _aggregated(table, outcome)
    if table.hit_policy in MANY_HITS:
        return shown if shown or not table.nothing_is_null else None
    return shown[0] if shown else None


def _row(table: Table, outputs: Mapping[str, Scalar | None]) -> object:
    named = {column.name: json_value(outputs.get(column.name), column.kind) for column in table.outputs}
    return next(iter(named.values())) if len(table.outputs) == 1 else named


def _aggregated(table: Table, outcome: Outcome) -> object:
    """Aggregate each output column by itself; nothing matched gives null."""
    assert table.aggregator is not None
    if not outcome.outputs:
        return None
    results = {
        column.name: _aggregate(table.aggregator, column, [row.get(column.name) for row in outcome.outputs])
        for column in table.outputs
    }
    return next(iter(results.values())) if len(results) == 1 else results


def _aggregate(aggregator: Aggregator, column: Column, values: Sequence[Scalar | None]) -> object:
    if aggregator is Aggregator.COUNT:
        return len(values)
    present = [value for value in values if value is not None]
    if aggregator is Aggregator.SUM:
        numbers = [value for value in present if isinstance(value, int | Decimal) and not isinstance(value, bool)]
        if len(numbers) != len(values):
            return None
        return json_value(sum((Decimal(number) for number in numbers), Decimal(0)), Kind.NUMBER)
    if not present:
        return None
    chosen = min if aggregator is Aggregator.MIN else max
    if column.kind in (Kind.TEXT, Kind.BOOLEAN):
        return chosen(str(value) for value in present)
    return json_value(chosen(present, key=lambda value: position_of(column.kind, value)), column.kind)
