"""rules/events.csv: a CRM's own event types, and where in their data ours is found.

Columns: `type`, `kind`, `name`, then any of our fields (`reference`, `label`, `occurred_at`, `customer.id`,
`customer.email`, `months`, `delivery_expected`, `score`...). A cell is a dotted path (order.id), a JSON pointer
(/order/id), a constant (=yes), or empty: the field is where ours has it. Behind a path of a time may stand `as epoch
seconds` or `as epoch milliseconds`. It knows no file and no schema.
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from workers.cloudevents.events import Kind
from workers.cloudevents.shapes import Places
from workers.errors import Misconfigured

_HEAD = ("type", "kind", "name")
_MAPPABLE = {Kind.JOURNEY, Kind.CONTRARY, Kind.CUSTOMER, Kind.SCORE, Kind.TICKET}
_MOST_BYTES, _MOST_COLUMNS = 2_000_000, 200
_NAME = re.compile(r"[a-z][a-z0-9_]*").fullmatch
_FIELD = re.compile(r"[a-z_]+(\.[a-z_]+(\.[a-z0-9_]+)?)?").fullmatch
_EPOCH = re.compile(r"(\S+) as epoch (seconds|milliseconds)").fullmatch
_UNITS = {"seconds": 1, "milliseconds": 1_000}
_QUOTES = str.maketrans({"“": '"', "”": '"', "\u00a0": " "})


@dataclass(frozen=True, slots=True)
class MappedType:
    """One row: the CRM's type, what it means here, and where its data has what ours has elsewhere."""

    type: str
    kind: Kind
    name: str
    places: Places
    line: int


@dataclass(frozen=True, slots=True)
class EventMap:
    """A CRM's own types by name; empty as shipped."""

    types: Mapping[str, MappedType]

    @classmethod
    def load(cls, content: bytes) -> "EventMap":
        """Read rules/events.csv; raise Misconfigured with every fault, each with its line."""
        if len(content) > _MOST_BYTES:
            raise Misconfigured([f"rules/events.csv has {len(content):,} bytes; at most {_MOST_BYTES:,} are read."])
        lines = [
            (number, line.translate(_QUOTES))
            for number, line in enumerate(_text(content).splitlines(), start=1)
            if line.strip(" ;,\t") and not line.lstrip().startswith("#")
        ]
        faults: list[str] = []
        mapped_types: dict[str, MappedType] = {}
        if lines:
            columns = _columns(lines[0], faults)
            for number, line in lines[1:]:
                row = _row(number, _cells(line, lines[0][1]), columns, faults)
                if row is not None and row.type in mapped_types:
                    faults.append(
                        f"{_at(number)}{row.type} is mapped on line {mapped_types[row.type].line} too. Keep one."
                    )
                elif row is not None:
                    mapped_types[row.type] = row
        if faults:
            raise Misconfigured(faults)
        return cls(mapped_types)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = content[: error.start].count(b"\n") + 1
        raise Misconfigured([f"{_at(where)}this is not UTF-8. Save the file as UTF-8."]) from error


def _cells(line: str, header: str) -> list[str]:
    delimiter = ";" if header.count(";") >= header.count(",") else ","
    try:
        return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter))]
    except csv.Error as error:
        raise Misconfigured(
            [f"rules/events.csv cannot be read: {error}. Look for a cell that does not end."]
        ) from error


def _columns(header: tuple[int, str], faults: list[str]) -> list[str]:
    number, line = header
    columns = [cell.lower() for cell in _cells(line, line)]
    if tuple(columns[:3]) != _HEAD:
        faults.append(f"{_at(number)}the first three columns must be type;kind;name, found {';'.join(columns[:3])}.")
    if len(columns) > _MOST_COLUMNS:
        raise Misconfigured([f"{_at(number)}{len(columns):,} columns; at most {_MOST_COLUMNS} are read."])
    for column in columns[3:]:
        if not _FIELD(column):
            faults.append(f"{_at(number)}{column!r} is not a field of our data, such as reference or customer.email.")
        elif columns.count(column) > 1:
            faults.append(f"{_at(number)}the column {column} stands there twice.")
    return columns


def _row(number: int, cells: list[str], columns: list[str], faults: list[str]) -> MappedType | None:
    """Read one row; add what is wrong to the faults."""
    before = len(faults)
    if len(cells) > len(columns) and any(cells[len(columns) :]):
        faults.append(f"{_at(number)}{len(cells)} cells for {len(columns)} columns. Quote a cell that has a delimiter.")
    cells += [""] * (len(columns) - len(cells))
    type_, kind, name = [*cells, "", "", ""][:3]
    if not type_:
        faults.append(f"{_at(number)}the type is empty. Give the CloudEvents type that the CRM sends.")
    if kind not in {str(each) for each in _MAPPABLE}:
        faults.append(f"{_at(number)}kind {kind!r} is unknown. Expected one of {', '.join(sorted(_MAPPABLE))}.")
    if kind != Kind.SCORE and not _NAME(name):
        faults.append(f"{_at(number)}name {name!r}: expected a word such as purchase or blog_read.")
    places = _places(number, dict(zip(columns[3:], cells[3:], strict=False)), faults)
    return None if len(faults) > before else MappedType(type_, Kind(kind), name, places, number)


def _places(number: int, cells: Mapping[str, str], faults: list[str]) -> Places:
    paths: dict[str, tuple[str, ...]] = {}
    constants: dict[str, str] = {}
    epochs: dict[str, int] = {}
    for field, cell in cells.items():
        if cell in ("", "-"):
            continue
        if cell.startswith("="):
            constants[field] = cell[1:].strip()
            continue
        counted = _EPOCH(cell)
        if counted:
            cell, epochs[field] = counted[1], _UNITS[counted[2]]
        path = _path(cell)
        if path is None:
            faults.append(f"{_at(number)}{field}: {cell!r} is no path. Write order.id, /order/id, or =value.")
        else:
            paths[field] = path
    return Places(paths, constants, epochs)


def _path(cell: str) -> tuple[str, ...] | None:
    """Return the steps of a dotted path or a JSON pointer (RFC 6901) into the data, or None if it is neither."""
    if cell.startswith("/"):
        return tuple(step.replace("~1", "/").replace("~0", "~") for step in cell[1:].split("/"))
    steps = tuple(cell.removeprefix("data.").split("."))
    return steps if all(step and not step.isspace() for step in steps) else None


def _at(line: int) -> str:
    return f"rules/events.csv, line {line}: "
