"""The mapping of a CSV import: which events a row stands for, and which column fills which field.

Checked as a whole before a row is read, with every fault at once. It reads no CSV.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workers.envelope import Codec
from workers.words import BadInput, Misconfigured
from workers.yamltext import read_yaml

Path = tuple[str, ...]

COLUMN = re.compile(r"\{([^{}]*)\}")
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
    data: tuple[tuple[Path, Cell], ...]


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
        return Cell(COLUMN.sub(lambda found: f"{{{found[1].strip()}}}", value), columns, types, instant)

    def _known_keys(self, given: dict[object, object], known: tuple[str, ...], at: str) -> None:
        for key in given:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                guess = f" Did you mean {near[0]}?" if near else f" Known are {', '.join(known)}."
                self.faults.append(f"{at}{key} is not read.{guess}")


def _bare(when: object) -> str:
    """Return the column of `when`, written with or without braces."""
    return str(when or "").strip().removeprefix("{").removesuffix("}").strip()
