"""Write a table as table.yaml and rules.csv, which `reader` takes back with the same meaning."""

from collections.abc import Mapping, Sequence

import yaml

from workers.decision_table.files.cell_writer import write_cell, write_output, write_rows, write_span, write_validity
from workers.decision_table.files.reader import DEFINITION, ON, RULES, VALID
from workers.decision_table.model.spans import everything_of
from workers.decision_table.model.table import Column, Rule, Table, Unreadable
from workers.decision_table.model.values import ORDERED, Kind, show


def table_files(table: Table) -> dict[str, str]:
    """Return the texts of table.yaml and rules.csv. Raises Unreadable when the table cannot be written as CSV."""
    written = table.files.get(DEFINITION)
    return {DEFINITION: written or write_definition(table), RULES: write_rules(table)}


def write_rules(table: Table, delimiter: str | None = None) -> str:
    """Return the rows as CSV text, one line per rule and the otherwise line last."""
    return write_rows(rule_rows(table), delimiter or table.delimiter)


def rule_rows(table: Table) -> list[list[str]]:
    """Return the header and the rows as texts, in the form of the table's own header. Raises Unreadable."""
    _check_writable(table)
    header = list(table.header)
    rows = [_row(table, rule) for rule in table.rules]
    if table.otherwise is not None:
        texts = {
            column.name.lower(): write_output(column, table.otherwise.get(column.name)) for column in table.outputs
        }
        rows.append(["otherwise" if name == "id" else texts.get(name, "") for name in _folded(header)])
    return [header, *rows]


def _row(table: Table, rule: Rule) -> list[str]:
    texts = {"id": rule.id}
    for column, cell in zip(table.inputs, rule.cells, strict=True):
        if column.name == ON and set(VALID) & set(_folded(table.header)):
            texts |= dict(zip(VALID, write_validity(column, cell), strict=True))
        else:
            texts[column.name.lower()] = write_cell(column, cell)
    for column in table.outputs:
        texts[column.name.lower()] = write_output(column, rule.outputs.get(column.name))
    return [texts.get(name, "") for name in _folded(table.header)]


def _check_writable(table: Table) -> None:
    if table.faults:
        raise Unreadable("\n".join(fault.message for fault in table.faults))
    names = _folded(table.header)
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise Unreadable(f"Two columns are called {', '.join(doubled)}: rename one, rows could not tell them apart.")
    for column in table.outputs:
        for rule in table.rules:
            value = rule.outputs.get(column.name)
            if column.kind is Kind.TEXT and value is not None and not isinstance(value, str):
                raise Unreadable(
                    f"Column {column.name} holds text and {show(value)} (rule {rule.id}): a spreadsheet column holds "
                    f"one type. Write all of them as text."
                )


def _folded(header: Sequence[str]) -> list[str]:
    return [" ".join(name.split()).lower() for name in header]


def write_definition(table: Table) -> str:
    """Write table.yaml so that reading it gives the same columns, limits and policy."""
    form: dict[str, object] = {"name": table.name, "hit policy": table.hit_policy.value}
    if table.aggregator:
        form["aggregator"] = table.aggregator.value
    form["complete"] = "yes" if table.complete else "no"
    if table.nothing_is_null:
        form["no match"] = "null"
    form["inputs"] = {column.name: _input(column) for column in table.inputs}
    form["outputs"] = {column.name: _output(column) for column in table.outputs}
    if table.latest:
        form["latest"] = {name: wait.iso() for name, wait in table.latest.items()}
    if table.apart:
        form["apart"] = {name: wait.iso() for name, wait in table.apart.items()}
    return yaml.safe_dump(form, allow_unicode=True, sort_keys=False, width=110)


def _input(column: Column) -> Mapping[str, object]:
    entry: dict[str, object] = {"type": column.kind.value}
    if column.kind in ORDERED and column.spans != everything_of(column.kind, zoned=column.zoned):
        entry["domain"] = ",".join(write_span(column, span) for span in column.spans)
    if column.kind is Kind.TEXT and column.values:
        entry["values"] = list(column.values)
    if column.kind is Kind.BOOLEAN and len(column.values) == 1:
        entry["values"] = list(column.values)
    if column.others:
        entry["other values"] = "allowed"
    return entry | _common(column)


def _output(column: Column) -> Mapping[str, object]:
    entry: dict[str, object] = {"type": column.kind.value}
    if column.ranked:
        entry["values"] = [show(value, column.kind) for value in column.ranked]
    return entry | _common(column)


def _common(column: Column) -> dict[str, object]:
    entry: dict[str, object] = {}
    if column.unknown:
        entry["may be unknown"] = "yes"
    elif column.tolerant:
        entry["may be unknown"] = "unchecked"
    if column.role:
        entry["names"] = column.role.value
    if column.label:
        entry["label"] = column.label
    if column.missing:
        entry["if missing"] = column.missing
    if column.spare:
        entry["may be left out"] = "yes"
    return entry
