"""CSV files to events: a mapping says which events a row stands for, and each goes on as bytes like from any door.

It streams, and it never stops at a bad row: the row comes out refused, with its line and bytes. What an event must hold
is not decided here but by the codec that reads the bytes.
"""

import csv
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import yaml

from workers.envelope import Codec, Fault, Refusal, Rejected
from workers.envelope.shapes import as_typed
from workers.words import Misconfigured

# A longer line is no row of a table; it is refused in pieces, so that memory stays bounded (bytes).
LONGEST_LINE = 1_000_000
_COLUMN = re.compile(r"\{([^{}]*)\}")
_KEYS = ("source", "time_zone", "time_format", "customer", "events")
_EVENT_KEYS = ("type", "id", "time", "when", "subject", "data")


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of an event: a text with columns in it, or a constant; `types` are the JSON types that are wanted."""

    text: str
    columns: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
    instant: bool = False
    constant: object = None

    @property
    def is_one_column(self) -> bool:
        """Return whether the value is one column and nothing else, and so takes the schema's type."""
        return len(self.columns) == 1 and self.text == f"{{{self.columns[0]}}}"


@dataclass(frozen=True, slots=True)
class EventRule:
    """One event that a row may stand for; `when` names a column that must not be empty."""

    type: str
    id: Cell
    time: Cell | None
    subject: Cell | None
    when: str
    data: tuple[tuple[tuple[str, ...], Cell], ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """How the rows of one CSV file become events."""

    source: str
    zone: ZoneInfo | None
    time_format: str
    rules: tuple[EventRule, ...]

    @classmethod
    def load(cls, text: str | bytes, codec: Codec) -> "Mapping":
        """Read a mapping (YAML); raise Misconfigured with every fault. The codec knows types and their fields."""
        try:
            given = yaml.safe_load(text)
        except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
            raise Misconfigured([f"the mapping is not YAML ({' '.join(str(error).split())}). Correct it."]) from error
        if not isinstance(given, dict):
            raise Misconfigured(["the mapping must be a YAML object with source, customer and events."])
        loader = _Loader(given, codec)
        mapping = loader.mapping()
        if loader.faults:
            raise Misconfigured(loader.faults)
        return mapping

    @property
    def columns(self) -> frozenset[str]:
        """Return every column that the mapping reads."""
        found = set()
        for rule in self.rules:
            cells = [rule.id, rule.time, rule.subject, *(cell for _, cell in rule.data)]
            found |= {column for cell in cells if cell is not None for column in cell.columns}
            found |= {rule.when} - {""}
        return frozenset(found)


class _Loader:
    """Builds a mapping and collects what is wrong with it."""

    def __init__(self, given: dict[object, object], codec: Codec) -> None:
        self._given = given
        self._codec = codec
        self.faults: list[str] = []

    def mapping(self) -> Mapping:
        self._known_keys(self._given, _KEYS, "")
        source = self._given.get("source")
        if not isinstance(source, str) or not source:
            self.faults.append("source is missing. Name the system the file comes from, such as shop.")
        customer = self._given.get("customer") or {}
        if not isinstance(customer, dict) or "id" not in customer:
            self.faults.append('customer needs an id, such as {id: "{customer_id}"}.')
            customer = {}
        events = self._given.get("events")
        if not isinstance(events, list) or not events:
            self.faults.append("events is missing. List the events that a row stands for.")
            events = []
        rules = [self._rule(event, customer, f"events[{at}]: ") for at, event in enumerate(events)]
        time_format = str(self._given.get("time_format") or "")
        return Mapping(str(source), self._zone(), time_format, tuple(rule for rule in rules if rule is not None))

    def _zone(self) -> ZoneInfo | None:
        name = self._given.get("time_zone")
        if name is None:
            return None
        try:
            return ZoneInfo(str(name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.faults.append(f"time_zone: {name} is no IANA time zone. Write one such as America/Sao_Paulo.")
            return None

    def _rule(self, event: object, customer: dict[object, object], at: str) -> EventRule | None:
        if not isinstance(event, dict):
            self.faults.append(f"{at}expected an object with type, id, time and data.")
            return None
        self._known_keys(event, _EVENT_KEYS, at)
        type_ = str(event.get("type") or "")
        if type_ not in self._codec.types:
            near = difflib.get_close_matches(type_, self._codec.types, n=1)
            guess = f" Did you mean {near[0]}?" if near else ""
            self.faults.append(f"{at}the type {type_ or '(none)'} is unknown.{guess} Use one of schemas/in.")
        event_id = self._cell(event.get("id"))
        if not event_id.columns:
            self.faults.append(f'{at}id needs a column, such as "{{order_id}}-purchase": each event has its own id.')
        data = event.get("data") or {}
        if not isinstance(data, dict):
            self.faults.append(f"{at}data must be an object.")
            data = {}
        if "time" not in event and "occurred_at" not in data:
            self.faults.append(f'{at}time is missing. Say which column has it, such as "{{purchased_at}}".')
        own = data.get("customer")
        merged = {**data, "customer": {**customer, **(own if isinstance(own, dict) else {})}}
        return EventRule(
            type_,
            event_id,
            self._cell(event["time"], instant=True) if "time" in event else None,
            self._cell(event.get("subject", customer.get("id"))),
            _bare(event.get("when")),
            tuple(self._data(merged, type_, ())),
        )

    def _data(
        self, given: dict[object, object], type_: str, above: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], Cell]]:
        for name, value in given.items():
            path = (*above, str(name))
            if isinstance(value, dict):
                yield from self._data(value, type_, path)
                continue
            field = ".".join(path)
            types, instant = self._codec.field_types(type_, field), self._codec.is_instant(type_, field)
            yield path, self._cell(value, types=types, instant=instant)

    def _cell(self, value: object, *, types: frozenset[str] = frozenset({"string"}), instant: bool = False) -> Cell:
        if isinstance(value, datetime):  # YAML reads an unquoted date and time by itself
            value = value.isoformat()
        if not isinstance(value, str):
            return Cell("", constant=value)
        columns = tuple(dict.fromkeys(name.strip() for name in _COLUMN.findall(value)))
        if "" in columns:
            self.faults.append(f"{value!r}: the braces are empty. Write the column's name inside.")
        return Cell(_COLUMN.sub(lambda found: f"{{{found[1].strip()}}}", value), columns, types, instant)

    def _known_keys(self, given: dict[object, object], known: tuple[str, ...], at: str) -> None:
        for key in given:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                guess = f" Did you mean {near[0]}?" if near else f" Known are {', '.join(known)}."
                self.faults.append(f"{at}{key} is not read.{guess}")


def _bare(when: object) -> str:
    """Return the column of `when`, written with or without braces."""
    return str(when or "").strip().removeprefix("{").removesuffix("}").strip()


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One row of the file: its first line, its bytes, and the events it stands for, or why it is refused."""

    line: int
    raw: bytes
    events: tuple[bytes, ...]
    rejected: Rejected | None = None


def events(stream: BinaryIO, mapping: Mapping) -> Iterator[tuple[int, bytes | Rejected]]:
    """Yield line and event (structured CloudEvents JSON) for all that the rows stand for; see `rows`."""
    for row in rows(stream, mapping):
        if row.rejected is not None:
            yield row.line, row.rejected
        for event in row.events:
            yield row.line, event


def rows(stream: BinaryIO, mapping: Mapping) -> Iterator[ImportRow]:
    """Read the header at once, then yield row by row. Raises Misconfigured when the header does not fit the mapping.

    Delimiter , or ; or tab; UTF-8 with or without byte order mark. A bad row is refused and the next one is read.
    """
    lines = _Lines(stream)
    first = lines.header()
    delimiter = max(",;\t", key=first.count)
    try:
        header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
    except (csv.Error, StopIteration) as error:
        raise Misconfigured([f"the first line is no list of columns ({error}). Give the file a header."]) from error
    _check_header(header, mapping)
    return _rows(lines, header, delimiter, mapping)


def _check_header(header: list[str], mapping: Mapping) -> None:
    faults = []
    for column in sorted(mapping.columns - set(header)):
        near = difflib.get_close_matches(column, header, n=1)
        guess = f" Did you mean {near[0]}?" if near else f" It has {', '.join(header)[:300]}."
        faults.append(f"the file has no column {column}.{guess}")
    faults += [
        f"the file has the column {column} {header.count(column)} times. Name each column once."
        for column in sorted(mapping.columns)
        if header.count(column) > 1
    ]
    if faults:
        raise Misconfigured(faults)


def _rows(lines: "_Lines", header: list[str], delimiter: str, mapping: Mapping) -> Iterator[ImportRow]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raw, _ = lines.take()
            yield _refused(
                line, raw, f"The row cannot be read ({error}). Close every quote, or double it inside a text."
            )
            continue
        raw, readable = lines.take()
        if not any(cell.strip() for cell in cells):
            continue
        if not readable:
            yield _refused(line, raw, "The row is not UTF-8. Save the file as UTF-8.", Refusal.WRONG_ENCODING)
        elif len(cells) != len(header):
            detail = (
                f"The row has {len(cells)} cells, the header {len(header)}. Quote a cell that holds a {delimiter!r}."
            )
            yield _refused(line, raw, detail)
        else:
            yield _row(line, raw, dict(zip(header, map(str.strip, cells), strict=True)), mapping)


def _refused(line: int, raw: bytes, detail: str, reason: Refusal = Refusal.BAD_ROW) -> ImportRow:
    return ImportRow(line, raw, (), Rejected(reason, (Fault("", f"Line {line}: {detail}", reason),)))


def _row(line: int, raw: bytes, cells: dict[str, str], mapping: Mapping) -> ImportRow:
    """Make the events of one row; a row whose ids cannot be made is refused whole."""
    made = []
    for rule in mapping.rules:
        if rule.when and not cells[rule.when]:
            continue
        empty = [column for column in rule.id.columns if not cells[column]]
        if empty:
            detail = (
                f"The column {empty[0]} is empty, so the event {rule.type} would have no id of its own. Fill it in."
            )
            return _refused(line, raw, detail)
        made.append(orjson.dumps(_event(rule, cells, mapping)))
    return ImportRow(line, raw, tuple(made))


def _event(rule: EventRule, cells: dict[str, str], mapping: Mapping) -> dict[str, object]:
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": _fill(rule.id, cells, mapping),
        "source": mapping.source,
        "type": rule.type,
    }
    for name, cell in (("subject", rule.subject), ("time", rule.time)):
        value = _fill(cell, cells, mapping) if cell is not None else None
        if value is not None:
            event[name] = value
    data: dict[str, object] = {}
    for path, cell in rule.data:
        value = _fill(cell, cells, mapping)
        if value is not None:
            _put(data, path, value)
    event["data"] = data
    return event


def _put(data: dict[str, object], path: tuple[str, ...], value: object) -> None:
    for step in path[:-1]:
        inner = data.setdefault(step, {})
        data = inner if isinstance(inner, dict) else {}
    data[path[-1]] = value


def _fill(cell: Cell, cells: dict[str, str], mapping: Mapping) -> object:
    """Return the value of a cell in a row, or None where its only column is empty."""
    if not cell.columns:
        return cell.constant if cell.constant is not None else cell.text or None
    if cell.is_one_column:
        text = cells[cell.columns[0]]
        if not text:
            return None
        return _instant(text, mapping) if cell.instant else as_typed(text, cell.types)
    text = _COLUMN.sub(lambda found: cells[found[1]], cell.text)
    return _instant(text, mapping) if cell.instant else text


def _instant(text: str, mapping: Mapping) -> str:
    """Return a time in UTC, RFC 3339; what cannot be read stays as it is, and the codec says what is wrong.

    A local time that a change of clocks skips counts from before the change, one that comes twice is the first.
    """
    try:
        at = datetime.strptime(text, mapping.time_format) if mapping.time_format else datetime.fromisoformat(text)
        if at.tzinfo is None:
            if mapping.zone is None:
                return text
            at = at.replace(tzinfo=mapping.zone)
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return text


class _Lines:
    """Lines of a stream as text, with the bytes they came from since the last `take`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._raw: list[bytes] = []
        self._readable = True
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        raw = self._stream.readline(LONGEST_LINE)
        if not raw:
            raise StopIteration
        self.number += raw.endswith(b"\n")
        self._raw.append(raw)
        self._readable = self._readable and b"\x00" not in raw
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self._readable = False
            return raw.decode("utf-8", "replace")

    def header(self) -> str:
        """Return the first line; raise Misconfigured when there is none in UTF-8."""
        first = next(self, "")
        if not first.strip():
            raise Misconfigured(["the file is empty, or its first line is. Give it a header with the columns."])
        _, readable = self.take()
        if not readable:
            raise Misconfigured(["the file is not UTF-8 (perhaps UTF-16 or Latin-1). Save it as UTF-8."])
        return first.removeprefix("\ufeff")

    def take(self) -> tuple[bytes, bool]:
        """Return the bytes read since the last call, and whether all of them were UTF-8 text."""
        raw, readable = b"".join(self._raw), self._readable
        self._raw, self._readable = [], True
        return raw, readable
