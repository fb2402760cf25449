"""Rows of a CSV file to events, as bytes like from any door; a bad row comes out refused, with its line and bytes.

It streams and never stops at a row. What an event must hold is decided by the codec that reads the bytes; refused here
is only what a file alone can have wrong: cells, quotes, ids that Excel spoiled, guests who are all customer 0.
"""

import re
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Texts
from dataclasses import dataclass, field
from typing import BinaryIO

import orjson

from workers.cloudevents import Fault, Kind, Refusal, Rejected
from workers.cloudevents.shapes import as_typed
from workers.text.mail_addresses import one_address
from workers.usecases.csv_import.charsets import Said, opened
from workers.usecases.csv_import.header import Header, read_header
from workers.usecases.csv_import.lines import Lines
from workers.usecases.csv_import.mapping import COLUMN, Cell, EventRule, Mapping, Path
from workers.usecases.csv_import.records import Record, Records
from workers.usecases.csv_import.times import Times

SHOWN = 200
"""Characters of a cell that a refusal shows."""
NOBODY = frozenset({"null", "none", "nil", "nan", "n/a", "#n/a", "undefined", "guest", "-"})
"""Ids by which a shop means that it does not know the customer; every such customer would be one."""
LONGEST_NOBODY = 20
_ZERO = re.compile(r"[+-]?0+(?:[.,]0+)?", re.ASCII)
_SHORTENED = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE]\+\d+", re.ASCII)
_SEVERAL = re.compile(r"\d+(?:\s*[;,|]\s*\d+)+", re.ASCII)
_SPREADSHEET_FAULT = re.compile(r"#(?:N/A|NAME\?|REF!|VALUE!|NULL!|NUM!|DIV/0!|#+)", re.IGNORECASE)
_IDS = (("customer", "id"), ("reference",), ("merged_into",), ("ticket",), ("request",))
_CUSTOMER, _EMAIL = _IDS[0], ("customer", "email")


@dataclass(frozen=True, slots=True)
class Filled:
    """Which rule made an event of which cells, and what is to be said about cells that could not be read."""

    rule: EventRule
    cells: Texts[str, str]
    advice: Texts[str, str]

    def cell_of(self, pointer: str) -> tuple[str, str, str]:
        """Return column, text and advice for what a fault points to; a constant has no column."""
        cell = self.rule.cell_at(pointer)
        column = next((each for each in cell.columns if self.cells[each]), cell.columns[0] if cell.columns else "")
        value = self.cells.get(column, cell.text)[:SHOWN]
        return column, value, self.advice.get(pointer) or (_empty_cell(cell, column, pointer) if not value else "")


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One row of the file: its first line, its bytes, and the events it stands for, or why it is refused.

    `filled` has, for each event, the cells it was made of; `column` and `value` are where a refused row is wrong.
    """

    line: int
    raw: bytes
    events: tuple[bytes, ...] = ()
    filled: tuple[Filled, ...] = ()
    rejected: Rejected | None = None
    column: str = ""
    value: str = ""


def events(stream: BinaryIO, mapping: Mapping) -> Iterator[tuple[int, bytes | Rejected]]:
    """Yield line and event (structured CloudEvents JSON) for all that the rows stand for; see `rows`."""
    for row in rows(stream, mapping):
        if row.rejected is not None:
            yield row.line, row.rejected
        for event in row.events:
            yield row.line, event


def keep_quiet(_sentence: str) -> None:
    """Say nothing."""


def rows(stream: BinaryIO, mapping: Mapping, said: Said = keep_quiet) -> Iterator[ImportRow]:
    """Read the header at once, then yield row by row. Raises Misconfigured when the header does not fit the mapping.

    Delimiter , or ; or tab or |, or what a first line `sep=` says. A bad row is refused and the next one is read.
    `said` hears how the file was understood where it is not plain: its encoding, line ends, dates, columns.
    """
    lines = open_lines(stream, mapping.encoding, said)
    header = read_header(lines)
    return _Rows(header, header.places(mapping.columns, said), mapping, said).read(lines)


def open_lines(stream: BinaryIO, encoding: str, said: Said) -> Lines:
    """Return the lines of a file; `said` hears of a guessed encoding. Raises Misconfigured for what is no text."""
    readable, encoding_used = opened(stream, encoding, said)
    return Lines(readable, encoding_used, recoded=readable is not stream)


class _WrongCell(Exception):  # a local signal: the row is refused whole
    """A cell that spoils the row: its column, and what to do."""

    def __init__(self, column: str, detail: str) -> None:
        super().__init__(detail)
        self.column = column


@dataclass(slots=True)
class _Plan:
    """A rule, with what is worked out once for all rows: its constants, its data with pointers, its ids' columns."""

    rule: EventRule
    constants: tuple[tuple[Path, object], ...] = field(init=False)
    data: tuple[tuple[Path, Cell, str], ...] = field(init=False)
    ids: tuple[str, ...] = field(init=False)
    asks_at: str = field(init=False)
    """The column of the address that is asked for its opinion, if the rule has one."""

    def __post_init__(self) -> None:
        rule = self.rule
        fixed = ((path, _fill(cell, {})) for path, cell in rule.data if not cell.columns)
        self.constants = tuple((path, value) for path, value in fixed if value is not None)
        self.data = tuple((path, cell, "/data/" + "/".join(path)) for path, cell in rule.data if cell.columns)
        stops = rule.kind is Kind.CUSTOMER  # an opt-out needs the customer's id, and nothing else
        named = [cell for path, cell in rule.data if path in (_IDS[:1] if stops else _IDS)]
        cells = [cell for cell in (rule.id, rule.subject, *named) if cell is not None]
        self.ids = tuple(dict.fromkeys(column for cell in cells for column in cell.columns))
        addresses = [cell for path, cell in rule.data if path == _EMAIL and cell.is_one_column]
        self.asks_at = addresses[0].columns[0] if addresses and rule.kind is Kind.JOURNEY else ""


@dataclass(slots=True)
class _Rows:
    """Makes rows of records, by one mapping and one header."""

    header: Header
    places: dict[str, int]
    mapping: Mapping
    said: Said
    times: Times = field(init=False)
    quiet_times: Times = field(init=False)
    needed: frozenset[str] = field(init=False)
    plans: list[_Plan] = field(init=False)

    def __post_init__(self) -> None:
        self.times = Times(self.mapping.zone, self.mapping.time_formats, self.said)
        self.quiet_times = Times(self.mapping.zone, self.mapping.time_formats, keep_quiet)
        self.plans = [_Plan(rule) for rule in self.mapping.rules]
        cells = [cell for rule in self.mapping.rules if not rule.when for cell in (rule.id, rule.time, rule.subject)]
        self.needed = frozenset(column for cell in cells if cell is not None for column in cell.columns)

    def read(self, lines: Lines) -> Iterator[ImportRow]:
        """Give each row that has anything in it, as its events or as why it is refused."""
        width = len(self.header.names)
        for record in Records(lines, self.header.delimiter, width, self.could_be_a_row):
            if record.fault:
                yield self._refused(record, record.fault, record.at)
                continue
            if len(record.cells) != width and (fault := self._misfit(record, width)):
                yield self._refused(record, *fault)
                continue
            if any(cell.strip() for cell in record.cells):
                yield self._row(record)

    def could_be_a_row(self, cells: Sequence[str]) -> bool:
        """Return whether cells by themselves are a row of this table: as many, with the id and a time that is one."""
        if len(cells) != len(self.header.names):
            return False
        return any(self._could_make(rule, self._texts(cells)) for rule in self.mapping.rules)

    def _could_make(self, rule: EventRule, cells: Texts[str, str]) -> bool:
        if not all(cells[column] for column in rule.id.columns):
            return False
        if rule.time is None or not rule.time.is_one_column:
            return True
        text = cells[rule.time.columns[0]]
        return bool(text) and not isinstance(self.quiet_times.read(text), str)

    def _texts(self, cells: Sequence[str]) -> dict[str, str]:
        """Return the text of each column that the mapping reads; columns left out at the end are empty."""
        size = len(cells)
        return {column: cells[at].strip() if at < size else "" for column, at in self.places.items()}

    def _misfit(self, record: Record, width: int) -> tuple[str, int] | None:
        """Say what is wrong with a row of more or fewer cells than the header, and at which cell, or None.

        Excel leaves out empty cells at the end of a row; a row whose needed cells are gone, or that ends the file
        without a line end, was cut off.
        """
        size, sign = len(record.cells), {"\t": "tab"}.get(self.header.delimiter, self.header.delimiter)
        if size > width:
            if not any(cell.strip() for cell in record.cells[width:]):
                return None
            return f"The row has {size} cells, the header {width}. Put cells that hold a {sign} in quotes.", width - 1
        gone = sorted(at for column, at in self.places.items() if at >= size and column in self.needed)
        if not any(cell.strip() for cell in record.cells) or (record.ended and not gone):
            return None
        detail = (
            f"The row has {size} cells, the header {width}. It was cut off, or a line break in it is not in quotes."
        )
        return detail, gone[0] if gone else size

    def _refused(self, record: Record, detail: str, at: int) -> ImportRow:
        names = self.header.names
        column = names[min(at, len(names) - 1)] if at >= 0 else ""
        cell = record.cells[at] if 0 <= at < len(record.cells) else record.raw[:SHOWN].decode("utf-8", "replace")
        return _refused(record, detail, record.reason, column, cell.strip())

    def _row(self, record: Record) -> ImportRow:
        """Make the events of one row; a row whose ids cannot be made is refused whole."""
        cells = self._texts(record.cells)
        made, filled = [], []
        plans = [plan for plan in self.plans if all(each.holds(cells[each.column]) for each in plan.rule.when)]
        try:
            for plan in plans:
                _check_ids(plan, cells)
                advice: dict[str, str] = {}
                made.append(orjson.dumps(self._event(plan, cells, advice)))
                filled.append(Filled(plan.rule, cells, advice))
            _check_address(plans, cells)
        except _WrongCell as wrong:
            return _refused(record, str(wrong), Refusal.BAD_ROW, wrong.column, cells.get(wrong.column, ""))
        return ImportRow(record.line, record.raw, tuple(made), tuple(filled))

    def _event(self, plan: _Plan, cells: Texts[str, str], advice: dict[str, str]) -> dict[str, object]:
        rule = plan.rule
        customer = self._customer(rule, cells)
        event: dict[str, object] = {
            "specversion": "1.0",
            "id": _fill(rule.id, cells),
            "source": self.mapping.source,
            "type": rule.type,
        }
        if customer is not None:
            event["subject"] = customer
        if rule.time is not None and (time := self._value(rule.time, cells, "/time", advice)) is not None:
            event["time"] = time
        data: dict[str, object] = {}
        for path, value in plan.constants:
            _put(data, path, value)
        for path, cell, pointer in plan.data:
            value = customer if path == _CUSTOMER else self._value(cell, cells, pointer, advice)
            if value is not None:
                _put(data, path, value)
        event["data"] = data
        return event

    def _value(self, cell: Cell, cells: Texts[str, str], pointer: str, advice: dict[str, str]) -> object:
        """Return what a cell gives in a row; of a time that cannot be read it notes why, and gives the text."""
        value = _fill(cell, cells)
        if not cell.instant or not cell.columns or not isinstance(value, str):
            return value
        at = self.times.read(value)
        if isinstance(at, str):  # the codec refuses it
            advice[pointer] = at
            return value
        return at.isoformat().replace("+00:00", "Z")

    def _customer(self, rule: EventRule, cells: Texts[str, str]) -> object:
        """Return the customer's id; one that stands for nobody is the guest's, or spoils the row."""
        if rule.subject is None:
            return None
        given = _fill(rule.subject, cells)
        given_alone = isinstance(given, str) and rule.subject.is_one_column
        nobody = given_alone and _is_nobody(str(given))
        if given_alone and not str(given).isalnum() and _SEVERAL.fullmatch(str(given)):
            detail = f'"{str(given)[:SHOWN]}" names several customers. Keep the one to ask, and import the file again.'
            raise _WrongCell(rule.subject.columns[0], detail)
        if given is not None and not nobody:
            return given
        guest = _fill(self.mapping.guest, cells) if self.mapping.guest is not None else None
        if guest is not None or not nobody:
            return guest
        column = rule.subject.columns[0]
        raise _WrongCell(
            column,
            f'"{cells[column][:SHOWN]}" stands for a customer without an account: all of them would be one '
            'customer. Write `guest: "guest-{email}"` (with your column of addresses) into the mapping, or leave '
            "such rows out.",
        )


def _empty_cell(cell: Cell, column: str, pointer: str) -> str:
    """Say which column is empty that an event needs, and what belongs there, to somebody who sees a table."""
    if not column:
        return ""
    if cell.instant or pointer == "/time":
        wanted = "when it happened, such as 2026-03-31 14:05"
    elif pointer in ("/subject", "/data/customer", "/data/customer/id"):
        wanted = "the customer's number or id"
    else:
        wanted = "what is missing"
    return f'The column "{column}" is empty in this row. Write there {wanted}, or leave the row out.'


def _check_ids(plan: _Plan, cells: Texts[str, str]) -> None:
    """Raise _WrongCell for an id that is empty, or that a spreadsheet spoiled."""
    for column in plan.rule.id.columns:
        if not cells[column]:
            raise _WrongCell(column, f"The cell is empty, so {plan.rule.type} would have no id of its own. Fill it in.")
    for column in plan.ids:
        text = cells[column]
        if "+" in text and _SHORTENED.fullmatch(text):
            raise _WrongCell(
                column,
                f'"{text}" is a number that a spreadsheet has shortened; its last digits are gone. Export the file '
                "again and do not save it in Excel, or format the column as Text before opening it.",
            )
        if text.startswith("#") and _SPREADSHEET_FAULT.fullmatch(text) and not _is_nobody(text):
            raise _WrongCell(column, f'"{text}" is an error of a spreadsheet, not an id. Correct the cell.')


def _check_address(plans: Sequence[_Plan], cells: Texts[str, str]) -> None:
    """Raise _WrongCell where a row only asks somebody, and no single address is there to ask at.

    A person who can correct the file is at hand, and a corrected row would be another event under the same id. What
    stops something, or is an answer, counts without its address, as at every door.
    """
    columns = {plan.asks_at for plan in plans}
    if len(columns) != 1 or not (column := columns.pop()):
        return
    text = cells[column]
    if text and one_address(text) is None:
        several = text.count("@") > 1
        wrong = "holds more than one address" if several else "is no mail address"
        do = "Keep the one to write to" if several else "Correct it, or empty the cell"
        raise _WrongCell(column, f'"{text[:SHOWN]}" {wrong}. {do}, and import the file again.')


def _is_nobody(text: str) -> bool:
    return len(text) < LONGEST_NOBODY and (text.casefold() in NOBODY or _ZERO.fullmatch(text) is not None)


def _refused(record: Record, detail: str, reason: Refusal, column: str, value: str) -> ImportRow:
    rejected = Rejected(reason, (Fault("", detail, reason),))
    return ImportRow(record.line, record.raw, rejected=rejected, column=column, value=value[:SHOWN])


def _put(data: dict[str, object], path: Path, value: object) -> None:
    for step in path[:-1]:
        inner = data.setdefault(step, {})
        data = inner if isinstance(inner, dict) else {}
    data[path[-1]] = value


def _fill(cell: Cell, cells: Texts[str, str]) -> object:
    """Return the value of a cell in a row, or None where all of its columns are empty."""
    if not cell.columns:
        return cell.constant if cell.constant is not None else cell.text or None
    if cell.is_one_column:
        text = cells[cell.columns[0]]
        return (text if cell.instant else as_typed(text, cell.types)) if text else None
    if not any(cells[column] for column in cell.columns):
        return None
    return COLUMN.sub(lambda match: cells[match[1]], cell.text).strip()
