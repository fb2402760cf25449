"""The mapping of a CSV import: which events a row stands for, and which column fills which field.

Checked as a whole before a row is read, with every fault at once. It reads no CSV.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workers.cloudevents import Codec, Kind
from workers.errors import BadInput, Misconfigured
from workers.text.yaml_text import read_yaml
from workers.usecases.csv_import.charsets import check_encoding
from workers.usecases.csv_import.times import WORDS

Path = tuple[str, ...]

COLUMN = re.compile(r"\{([^{}]*)\}")
_KEYS = ("source", "time_zone", "time_format", "encoding", "customer", "guest", "events")
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
class Condition:
    """A column that must have one of some values (in small letters); without values it must not be empty."""

    column: str
    values: frozenset[str] = frozenset()

    def holds(self, text: str) -> bool:
        """Return whether a cell's text meets the condition."""
        return text.casefold() in self.values if self.values else bool(text)


@dataclass(frozen=True, slots=True)
class EventRule:
    """One event that a row may stand for: it does where every condition of `when` holds."""

    type: str
    id: Cell
    time: Cell | None
    subject: Cell | None
    when: tuple[Condition, ...]
    data: tuple[tuple[Path, Cell], ...]
    kind: Kind | None = None

    @property
    def columns(self) -> frozenset[str]:
        """Return every column that the rule reads."""
        cells = [self.id, self.time, self.subject, *(cell for _, cell in self.data)]
        read = {column for cell in cells if cell is not None for column in cell.columns}
        return frozenset(read | {condition.column for condition in self.when})

    def cell_at(self, pointer: str) -> Cell:
        """Return the cell that fills a place of the event (JSON pointer), or what it lies in; else the id's."""
        steps = tuple(pointer.split("/")[1:])
        named = {("time",): self.time, ("subject",): self.subject, ("data", "customer"): self.subject}
        if (cell := named.get(steps)) is not None:
            return cell
        around = [(path, cell) for path, cell in self.data if ("data", *path) == steps[: len(path) + 1]]
        return max(around, key=lambda placed: len(placed[0]))[1] if around else self.id


@dataclass(frozen=True, slots=True)
class Mapping:
    """How the rows of one CSV file become events."""

    source: str
    zone: ZoneInfo | None
    time_formats: tuple[str, ...]
    rules: tuple[EventRule, ...]
    guest: Cell | None = None
    encoding: str = ""

    @classmethod
    def load(cls, text: str | bytes, codec: Codec) -> "Mapping":
        """Read a mapping (YAML); raise Misconfigured with every fault. The codec knows types and their fields."""
        try:
            given = read_yaml(text, "the mapping")
        except BadInput as error:
            raise Misconfigured([" ".join(str(error).split())]) from error
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
        guest = self.guest.columns if self.guest else ()
        return frozenset(guest).union(*(rule.columns for rule in self.rules))


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
        return Mapping(
            str(source),
            self._zone(),
            self._time_formats(),
            tuple(rule for rule in rules if rule is not None),
            self._guest(),
            self._encoding(),
        )

    def _time_formats(self) -> tuple[str, ...]:
        given = self._given.get("time_format") or []
        formats = tuple(str(each) for each in (given if isinstance(given, list) else [given]))
        for each in formats:
            if each not in WORDS and "%" not in each:
                near = difflib.get_close_matches(each, WORDS, n=1)
                guess = f" Did you mean {near[0]}?" if near else f" Or write one of {', '.join(WORDS)}."
                self.faults.append(f'time_format: {each} has no %. Write it such as "%d/%m/%Y %H:%M".{guess}')
        return formats

    def _guest(self) -> Cell | None:
        if "guest" not in self._given:
            return None
        cell = self._cell(self._given["guest"])
        if not cell.columns:
            self.faults.append('guest needs a column, such as "guest-{email}": each guest is a customer by themselves.')
        return cell

    def _encoding(self) -> str:
        name = str(self._given.get("encoding") or "")
        try:
            if name:
                check_encoding(name)
        except ValueError as error:
            self.faults.append(str(error))
        return name

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
            self._when(event.get("when"), at),
            tuple(self._data(merged, type_, ())),
            self._codec.kind(type_),
        )

    def _data(self, given: dict[object, object], type_: str, above: Path) -> Iterator[tuple[Path, Cell]]:
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
        columns = tuple(dict.fromkeys(name.strip() for name in COLUMN.findall(value)))
        if "" in columns:
            self.faults.append(f"{value!r}: the braces are empty. Write the column's name inside.")
        return Cell(COLUMN.sub(lambda reference: f"{{{reference[1].strip()}}}", value), columns, types, instant)

    def _when(self, given: object, at: str) -> tuple[Condition, ...]:
        if not isinstance(given, dict):
            column = _bare(given)
            return (Condition(column),) if column else ()
        conditions = []
        for column, values in given.items():
            texts = [_text(each) for each in (values if isinstance(values, list) else [values])]
            if not texts or not all(texts):
                self.faults.append(
                    f"{at}when: {column} has no value. Write {{{column}: [Paid, Sent]}}, or its name alone."
                )
            conditions.append(Condition(_bare(column), frozenset(texts)))
        return tuple(conditions)

    def _known_keys(self, given: dict[object, object], allowed: tuple[str, ...], at: str) -> None:
        for key in given:
            if key not in allowed:
                near = difflib.get_close_matches(str(key), allowed, n=1)
                guess = f" Did you mean {near[0]}?" if near else f" Known are {', '.join(allowed)}."
                self.faults.append(f"{at}{key} is not read.{guess}")


def _text(value: object) -> str:
    """Return a value of `when` in small letters; YAML reads an unquoted yes as true."""
    return "" if isinstance(value, dict | list) or value is None else str(value).strip().casefold()


def _bare(when: object) -> str:
    """Return the column of `when`, written with or without braces."""
    return str(when or "").strip().removeprefix("{").removesuffix("}").strip()
