"""A candidate for a table in use: read from what somebody brings, in any of the three forms, and tried beside it.

Bytes and values in, values out: nothing is stored and nothing becomes live here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from workers.decision_table.decisions.evaluation import typed_inputs
from workers.decision_table.dmn.reader import parse_dmn
from workers.decision_table.files.cell_writer import write_rows
from workers.decision_table.files.csv_writer import write_rules
from workers.decision_table.files.reader import DEFINITION, RULES, parse, read_rows
from workers.decision_table.files.workbook import read_xlsx
from workers.decision_table.model.table import Cell, Column, Inputs, Table, Unreadable
from workers.decision_table.model.values import Kind, Value
from workers.decision_table.trials.past_files import typed
from workers.decision_table.trials.replay import is_plan

SUFFIXES = (".csv", ".xlsx", ".dmn")


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that somebody brings: its name, which says the form, and its bytes."""

    name: str
    data: bytes

    @property
    def suffix(self) -> str:
        """Return the end of the name, such as `.csv`; `.xml` is DMN."""
        suffix = f".{self.name.rpartition('.')[2].lower()}"
        return ".dmn" if suffix == ".xml" else suffix


def read_candidate(
    live: Table, rows: Brought | None, definition: bytes | None = None, decision: str | None = None
) -> Table:
    """Read a candidate for a table in use. Raises Unreadable, saying what to bring instead.

    Rows without a definition are read by the workbook's own, else by the live one; without rows, the live ones are
    tried with another definition.
    """
    columns = definition if definition is not None else live.files.get(DEFINITION, "").encode()
    if rows is None:
        if definition is None:
            raise Unreadable("Choose a file: rules as .csv or .xlsx, or a .dmn file.")
        rows = Brought(RULES, live.files.get(RULES, "").encode())
    if rows.suffix not in SUFFIXES:
        raise Unreadable(f"The name must end in {', '.join(SUFFIXES)}: {rows.name!r} does not.")
    if rows.suffix == ".dmn":
        candidate = _like(live, parse_dmn(rows.data, decision), columns)
    elif rows.suffix == ".xlsx":
        candidate = _workbook(rows.data, definition, columns)
    else:
        candidate = parse({DEFINITION: columns, RULES: rows.data})
    if is_plan(live) is not is_plan(candidate):
        wanted = "needs an output column touchpoint" if is_plan(live) else "plans touchpoints"
        raise Unreadable(f"This is not a candidate for {live.name}: it {wanted}.")
    return candidate


def _like(live: Table, parsed: Table, columns: bytes) -> Table:
    """Return a DMN table with the columns of the live one, where it has the same: those know names, waits and domains.

    What has other columns stays as it is.
    """
    mine = {column.name.lower(): column for column in live.inputs}
    if parsed.faults or {column.name.lower() for column in parsed.inputs} != set(mine) or not columns:
        return parsed
    inputs = tuple(mine[column.name.lower()] for column in parsed.inputs)
    try:
        rows = write_rules(replace(parsed, inputs=inputs), ";")
        alike = parse({DEFINITION: columns, RULES: rows.encode()})
    except Unreadable:
        return parsed
    return replace(alike, hit_policy=parsed.hit_policy, aggregator=parsed.aggregator)


def _workbook(data: bytes, definition: bytes | None, columns: bytes) -> Table:
    if definition is not None:
        return read_xlsx(data, definition.decode("utf-8-sig", "replace"))
    try:
        return read_xlsx(data)
    except Unreadable:
        return read_xlsx(data, columns.decode())


def broken_copy(live: Table) -> Brought | None:
    """Return the live rows with a mistake that people make: one band ends a number too early (0-6 becomes 0-5).

    None for a table without such a band.
    """
    if RULES not in live.files:
        return None
    rows, delimiter = read_rows(live.files[RULES])
    names = [" ".join(cell.lower().split()) for cell in rows[0]]
    for place, column in enumerate(live.inputs):
        for rule in live.rules:
            short = _short(column, rule.cells[place])
            if short is not None and column.name.lower() in names:
                rows[rule.row - 1][names.index(column.name.lower())] = short
                return Brought(RULES, write_rows(rows, delimiter).encode())
    return None


def _short(column: Column, cell: Cell) -> str | None:
    """Return a band of whole numbers that begins with its domain as one that ends one earlier.

    The last number of the lowest band is the one that people forget, and the one that past answers have: what the
    mistake does to them can be seen.
    """
    if column.kind is not Kind.INTEGER or len(cell.spans) != 1 or not column.spans:
        return None
    low, high = cell.spans[0].low, cell.spans[0].high
    if low is None or high is None or low != column.spans[0].low or high == column.spans[0].high:
        return None
    first, last = int(low[0]), int(high[0]) - 2  # the end of a span of whole numbers is not in it
    return f"{first}-{last}" if first < last else None


def inputs_of(table: Table, texts: Mapping[str, str]) -> Inputs:
    """Return the inputs of a table from texts by column, as people type them: 40 or 40d for a duration.

    What is empty is unknown, or what the column says for that. Raises BadInput for a column that there is not.
    """
    values: dict[str, Value] = {column.name: typed(column, texts.get(column.name, "")) for column in table.inputs}
    given: dict[str, object] = {name: value for name, value in values.items() if value is not None}
    return typed_inputs(table, given, plain=False)
