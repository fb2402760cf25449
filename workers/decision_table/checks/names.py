"""Check the names a table uses: actions, templates in every language, triggers, and values with a list (E4xx).

What is known comes from the caller; a list in table.yaml counts too. Must not look names up by itself.
"""

from collections.abc import Iterator

from workers.decision_table.model.cells import suggestion
from workers.decision_table.model.table import Column, Fault, KnownNames, Role, Rule, Severity, Table
from workers.decision_table.model.values import Kind

_CODES = {Role.ACTION: "E401", Role.TEMPLATE: "E402", Role.TRIGGER: "E403", Role.EVENT: "E403"}


def naming_faults(table: Table, known_names: KnownNames | None) -> Iterator[Fault]:
    """Yield a fault for each name in a cell that nothing answers to."""
    for rule in (*table.rules, *table.damaged):
        for column, cell in zip(table.inputs, rule.cells, strict=True):
            names = _names(column, known_names)
            if names is not None and column.role in _CODES:
                for word in sorted(cell.values - names):
                    yield _unknown(column, rule, word, names)
        for column in table.outputs:
            value = rule.outputs.get(column.name)
            if isinstance(value, str) and column.kind is Kind.TEXT:
                yield from _output_faults(column, rule, value, known_names)


def _output_faults(column: Column, rule: Rule, value: str, known_names: KnownNames | None) -> Iterator[Fault]:
    names = _names(column, known_names)
    if names is not None and value not in names:
        yield _unknown(column, rule, value, names)
    elif column.role is Role.TEMPLATE and known_names and known_names.templates is not None:
        missing = sorted(known_names.languages - known_names.templates.get(value, frozenset()))
        if missing:
            message = f"template {value} does not exist in {', '.join(missing)}: write it, or use another template."
            yield _fault("E402", column, rule, message)


def _names(column: Column, known_names: KnownNames | None) -> frozenset[str] | None:
    """Return the names that a column may use, or None when nothing says so."""
    listed = frozenset(column.values)
    given: frozenset[str] | None = None
    if known_names is not None:
        if column.role is Role.ACTION:
            given = known_names.actions
        elif column.role is Role.TEMPLATE:
            given = None if known_names.templates is None else frozenset(known_names.templates)
        elif column.role in (Role.TRIGGER, Role.EVENT):
            given = known_names.triggers
    if given is None:
        return listed or None
    return given | listed if column.role in (Role.TRIGGER, Role.EVENT) else given


def _unknown(column: Column, rule: Rule, word: str, names: frozenset[str]) -> Fault:
    hint = suggestion(word, names) or f" Known are {', '.join(sorted(names)[:12])}."
    what = column.role.value or column.name
    return _fault(_CODES.get(column.role, "E302"), column, rule, f"{word} is no {what} that is known here.{hint}")


def _fault(code: str, column: Column, rule: Rule, message: str) -> Fault:
    return Fault(
        code=code,
        severity=Severity.ERROR,
        message=f"Row {rule.row} ({rule.id}), column {column.name}: {message}",
        rules=(rule.id,),
        rows=(rule.row,),
        columns=(column.name,),
    )
