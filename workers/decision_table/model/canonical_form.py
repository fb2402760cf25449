"""The canonical form of a table, from which its version is computed.

Two files that mean the same have the same form: spacing, quoting, column order and the way a band is written do not
matter; row order, ids, domains, outputs and hit policy do.
"""

import json

from workers.decision_table.model.spans import Spans
from workers.decision_table.model.table import Cell, Column, HitPolicy, Rule, Table
from workers.decision_table.model.values import ORDERED, Position, show


def canonical_form(table: Table) -> str:
    """Write what a table means as JSON that does not depend on the order of its columns: versions are hashes of it."""
    by_name = sorted(range(len(table.inputs)), key=lambda index: table.inputs[index].name)
    form = {
        "name": table.name,
        "hit_policy": table.hit_policy.value,
        "aggregator": table.aggregator,
        "complete": table.complete,
        "inputs": [_column(table.inputs[index]) for index in by_name],
        "outputs": _output_columns(table),
        "rules": [_rule(table, rule, by_name) for rule in table.rules],
        "damaged": [[rule.id, [cell.text for cell in rule.cells]] for rule in table.damaged],
        "otherwise": None if table.otherwise is None else _outputs(table.otherwise, table),
        "latest": {name: wait.iso() for name, wait in sorted(table.latest.items())},
        "rest": None if table.rest is None else [
            table.rest.all_surveys.iso(), table.rest.same_template.iso(), table.rest.at_most, table.rest.within.iso(),
        ],
    }  # fmt: skip
    if table.apart:  # a table without it keeps the version that it had before there was such a key
        form["apart"] = {name: wait.iso() for name, wait in sorted(table.apart.items())}
    return json.dumps(form, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _output_columns(table: Table) -> list[object]:
    """Return the outputs that hold something, by name unless their order ranks them."""
    used = [column for column in table.outputs if not _blank(column, table)]
    ordered = used if table.hit_policy in (HitPolicy.PRIORITY, HitPolicy.OUTPUT_ORDER) else sorted(used, key=_name)
    return [[*_column(column), [show(value) for value in column.ranked]] for column in ordered]


def _blank(column: Column, table: Table) -> bool:
    rows = [rule.outputs for rule in (*table.rules, *table.damaged)] + [table.otherwise or {}]
    return all(row.get(column.name) is None for row in rows)


def _name(column: Column) -> str:
    return column.name


def _column(column: Column) -> list[object]:
    return [
        column.name, column.kind.value, _spans(column.spans), sorted(column.values), column.others, column.unknown,
        column.role.value, column.tolerant and not column.unknown,
    ]  # fmt: skip


def _rule(table: Table, rule: Rule, by_name: list[int]) -> list[object]:
    cells = [canonical_cell(rule.cells[index], table.inputs[index]) for index in by_name]
    return [rule.id, cells, _outputs(rule.outputs, table)]


def _outputs(outputs: object, table: Table) -> dict[str, str]:
    assert isinstance(outputs, dict)
    kinds = {column.name: column.kind for column in table.outputs}
    return {name: show(value, kinds[name]) for name, value in sorted(outputs.items()) if value is not None}


def canonical_cell(cell: Cell, column: Column) -> list[object]:
    """Return what a cell lets through, the same however it is written."""
    unknown = cell.unknown and (column.unknown or column.tolerant)
    if column.kind in ORDERED:
        return [_spans(cell.spans), unknown]
    if column.others or not column.values:
        return [cell.inverted, sorted(cell.values), unknown]
    return [[value for value in sorted(column.values) if cell.holds(value)], unknown]


def _spans(spans: Spans) -> list[object]:
    return [[_cut(span.low), _cut(span.high)] for span in spans]


def _cut(cut: tuple[Position, int] | None) -> list[object] | None:
    return None if cut is None else [show(cut[0]), cut[1]]
