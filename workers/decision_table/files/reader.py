"""Turn the bytes of a table's files into a Table: rows, cells, outputs, and every fault found on the way.

Structure that cannot be read raises Unreadable; a bad cell is a fault, so that all of them are listed at once.
Must not open files (`loader` does) nor judge the table as a whole (`checks.checker` does).
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from workers.decision_table.files.definition import Definition, parse_definition
from workers.decision_table.model.canonical_form import canonical_form
from workers.decision_table.model.cells import CellError, any_cell, fold, parse_cell, suggestion, unquote
from workers.decision_table.model.date_damage import damaged_by_spreadsheet
from workers.decision_table.model.limits import TABLE, Limits, bounded, check_faults, check_size, total
from workers.decision_table.model.table import Cell, Column, Fault, Rule, Severity, Table, Unreadable
from workers.decision_table.model.values import Kind, Scalar, parse_scalar
from workers.errors import BadInput

DEFINITION, RULES = "table.yaml", "rules.csv"
VALID = ("valid from", "valid until")
ON = "on"


@dataclass(frozen=True, slots=True)
class _Head:
    """Where each column of the file stands."""

    names: tuple[str, ...]
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]

    def place(self, name: str) -> int | None:
        return self.names.index(name) if name in self.names else None


def parse(files: Mapping[str, bytes]) -> Table:
    """Read a table from the bytes of table.yaml and rules.csv. Raises Unreadable when they are no table."""
    for name in (DEFINITION, RULES):
        if name not in files:
            raise Unreadable(f"{name} is missing: a rule table is a folder with {DEFINITION} and {RULES}.")
    texts = {name: decode(name, files[name]) for name in (DEFINITION, RULES)}
    return parse_texts(texts)


@total
def parse_texts(texts: Mapping[str, str]) -> Table:
    """Read a table from the texts of table.yaml and rules.csv. Raises Unreadable."""
    definition = parse_definition(texts[DEFINITION])
    rows, delimiter = read_rows(texts[RULES], name=RULES)
    if not rows or not any(rows[0]):
        raise Unreadable(f"{RULES} is empty: its first line must name the columns.")
    head = _read_head(rows[0], definition)
    table = Table(
        name=definition.name,
        hit_policy=definition.hit_policy,
        inputs=head.inputs,
        outputs=head.outputs,
        rules=(),
        aggregator=definition.aggregator,
        complete=definition.complete,
        latest=definition.latest,
        apart=definition.apart,
        rest=definition.rest,
        header=tuple(cell.strip() for cell in rows[0]),
        delimiter=delimiter,
        files=dict(texts),
        nothing_is_null=definition.nothing_is_null,
    )
    table = _with_rows(table, head, rows)
    return replace(table, canonical=canonical_form(table))


def decode(name: str, data: bytes, *, any_size: bool = False) -> str:
    """Decode UTF-8 with or without a byte order mark. Raises Unreadable, also for more bytes than are read."""
    if not any_size:
        check_size(name, len(data))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise Unreadable(
            f"{name} is not UTF-8 (byte {fault.start}): save it as `CSV UTF-8`, or as an .xlsx workbook."
        ) from None


def read_rows(text: str, limits: Limits = TABLE, name: str = "The file") -> tuple[list[list[str]], str]:
    """Split CSV text into rows of cells, and return the delimiter: `;`, `,` or tab, whichever the header holds.

    Raises Unreadable for what is no CSV, and at the first row that passes a limit.
    """
    header = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(";,\t", key=header.count)
    straight = re.sub(rf"(^|[{delimiter}\n])[“”„]", r'\1"', text)
    straight = re.sub(rf"[“”](?=[{delimiter}\r\n]|$)", '"', straight)
    try:
        rows = list(bounded(csv.reader(io.StringIO(straight, newline=""), delimiter=delimiter), limits, name))
    except csv.Error as fault:
        why = f"a cell has more than {csv.field_size_limit():,} signs" if "field limit" in str(fault) else str(fault)
        raise Unreadable(
            f"{name} is not CSV: {why}. A quotation mark without its pair swallows all that follows: look for one."
        ) from None
    return rows, delimiter


def _read_head(cells: Sequence[str], definition: Definition) -> _Head:
    names = tuple(re.sub(r"\s+", " ", fold(cell)).lower() for cell in cells)
    inputs = {column.name.lower(): column for column in definition.inputs}
    doubled = {name for name in names if name and names.count(name) > 1}
    if doubled:
        raise Unreadable(f"{RULES}: column {', '.join(sorted(doubled))} stands twice in the first line.")
    missing = [column.name for key, column in inputs.items() if key not in names and not column.spare]
    if missing or "id" not in names:
        wanted = ", ".join(missing or ["id"])
        raise Unreadable(f"{RULES}: the first line lacks {wanted}: it must name id and every input of {DEFINITION}.")
    outputs = [_output(name, definition) for name in names if name and name not in (*inputs, "id", *VALID)]
    present = [inputs[name] for name in names if name in inputs]
    if any(name in names for name in VALID):
        present.append(Column(ON, Kind.DATE))
    return _Head(names, tuple(present), tuple(outputs))


def _output(name: str, definition: Definition) -> Column:
    base, _, number = name.rpartition(" ")
    for column in definition.outputs:
        key = column.name.lower()
        most = definition.repeated.get(column.name)
        if most is None and key == name:
            return column
        if most is not None and key == base and number.isdecimal() and 1 <= int(number) <= most:
            return replace(column, name=f"{column.name} {int(number)}")
    column_names = [column.name for column in (*definition.inputs, *definition.outputs)]
    raise Unreadable(f"{RULES}: column {name!r} is not in {DEFINITION}.{suggestion(name, column_names)}")


def _with_rows(table: Table, head: _Head, rows: Sequence[Sequence[str]]) -> Table:
    rules: list[Rule] = []
    damaged: list[Rule] = []
    faults: list[Fault] = []
    otherwise = table.otherwise
    for number, cells in enumerate(rows[1:], start=2):
        texts = [cells[index].strip() if index < len(cells) else "" for index in range(len(head.names))]
        if not any(texts) or texts[0].startswith("#"):
            continue
        if any(cell.strip() for cell in cells[len(head.names) :]):
            raise Unreadable(f"{RULES}: row {number} has more cells than the first line names columns.")
        if fold(texts[head.names.index("id")]).lower() == "otherwise":
            otherwise = _outputs(head, texts, "otherwise", number, faults)
            continue
        rule, clean = _rule(head, texts, number, faults)
        check_faults(faults)
        (rules if clean else damaged).append(rule)
    return replace(table, rules=tuple(rules), damaged=tuple(damaged), faults=tuple(faults), otherwise=otherwise)


def _rule(head: _Head, texts: Sequence[str], number: int, faults: list[Fault]) -> tuple[Rule, bool]:
    """Read one row; a cell at fault is taken as `any`, and the rule is not clean."""
    before = len(faults)
    name = unquote(fold(texts[head.names.index("id")])) or f"row {number}"
    cells: list[Cell] = []
    for column in head.inputs:
        try:
            cells.append(_cell(head, column, texts))
        except CellError as fault:
            faults.append(_fault(fault, name, number, column.name))
            cells.append(any_cell(column))
    outputs = _outputs(head, texts, name, number, faults)
    bad_inputs = any(
        fault.columns and fault.columns[0] in {column.name for column in head.inputs} for fault in faults[before:]
    )
    return Rule(name, number, tuple(cells), outputs), not bad_inputs


def _cell(head: _Head, column: Column, texts: Sequence[str]) -> Cell:
    place = head.place(column.name.lower())
    if place is not None:
        return parse_cell(column.cell_text(texts[place]), column)
    ends = [texts[head.names.index(name)] if name in head.names else "" for name in VALID]
    return parse_cell(f"[{ends[0]}..{ends[1]}]" if any(ends) else "-", column)


def _outputs(
    head: _Head, texts: Sequence[str], name: str, number: int, faults: list[Fault]
) -> dict[str, Scalar | None]:
    outputs: dict[str, Scalar | None] = {}
    for column in head.outputs:
        text = texts[head.names.index(column.name.lower())]
        try:
            outputs[column.name] = parse_output(column, text)
        except CellError as fault:
            faults.append(_fault(fault, name, number, column.name))
            outputs[column.name] = None
    return outputs


def parse_output(column: Column, text: str) -> Scalar | None:
    """Read one output cell; an empty one, or `null`, is nothing. Raises CellError."""
    cleaned = fold(text)
    if cleaned in ("", "-", "null"):
        return None
    if column.kind is Kind.TEXT:
        return unquote(text.strip())
    if damage := damaged_by_spreadsheet(cleaned, Kind.INTEGER if column.kind is Kind.WAIT else column.kind):
        raise CellError("E301", damage)
    literal = re.fullmatch(r'@?\s*"(.*)"', cleaned)
    try:
        return parse_scalar(column.kind, literal[1] if literal else cleaned)
    except BadInput as fault:
        lacks_unit = column.kind in (Kind.WAIT, Kind.DURATION) and re.fullmatch(r"\d+(\.\d+)?", cleaned)
        raise CellError("E305" if lacks_unit else "E302", str(fault)) from None


def _fault(fault: CellError, name: str, number: int, column: str) -> Fault:
    return Fault(
        code=fault.code,
        severity=Severity.ERROR,
        message=f"Row {number} ({name}), column {column}: {fault}",
        rules=(name,),
        rows=(number,),
        columns=(column,),
    )
