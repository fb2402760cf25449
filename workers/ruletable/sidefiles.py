"""Read the small files beside the tables: contrary.csv, waves.csv and calendar.yaml.

Bytes in, frozen values out. Raises Unreadable, naming the row and what to write instead.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workers.duetime.waits import Wait, parse_wait
from workers.ruletable.cells import fold, shortened, split_list, suggestion
from workers.ruletable.limits import total
from workers.ruletable.model import Unreadable
from workers.ruletable.reading import decode, read_rows
from workers.ruletable.values import parse_date
from workers.words import BadInput
from workers.yamltext import read_yaml

_EFFECTS = ("cancel", "hold")
_SCOPES = ("reference", "customer")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Contrary:
    """Events that speak against asking: what they do, to what, and which events end it (plus a wait)."""

    events: frozenset[str]
    effect: str
    scope: str
    until: frozenset[str] = frozenset()
    wait: Wait = Wait()  # noqa: RUF009  Wait is frozen


@dataclass(frozen=True, slots=True)
class WaveDate:
    """One day on which all customers are asked."""

    day: date
    name: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The team's working hours: zone, weekdays (Monday is 0), opening hours, and whole days off with their names."""

    zone: str
    weekdays: frozenset[int]
    opens: time
    closes: time
    holidays: Mapping[date, str]


@total
def load_contrary(data: bytes) -> tuple[Contrary, ...]:
    """Read contrary.csv."""
    found = []
    for row, entry in _records("contrary.csv", data, ("event", "effect", "scope", "until")):
        where = f"contrary.csv, row {row}"
        events = frozenset(filter(None, split_list(entry["event"])))
        if not events:
            raise Unreadable(f"{where}: name at least one event.")
        until, wait = _until(entry["until"], where)
        effect = _one_of(entry["effect"], _EFFECTS, f"{where}, effect")
        scope = _one_of(entry["scope"], _SCOPES, f"{where}, scope")
        if effect == "cancel" and until:
            raise Unreadable(f"{where}: what is cancelled stays cancelled: leave until empty, or write hold.")
        found.append(Contrary(events, effect, scope, until, wait))
    return tuple(found)


def _until(text: str, where: str) -> tuple[frozenset[str], Wait]:
    names, plus, wait = text.partition("+")
    try:
        pause = parse_wait(wait) if plus else Wait()
    except BadInput as fault:
        raise Unreadable(f"{where}, until: {fault}") from None
    return frozenset(filter(None, split_list(names.strip()))), pause


@total
def load_waves(data: bytes) -> tuple[WaveDate, ...]:
    """Read waves.csv, in order of date."""
    found = []
    for row, entry in _records("waves.csv", data, ("date", "name")):
        try:
            day = parse_date(entry["date"])
        except BadInput as fault:
            raise Unreadable(f"waves.csv, row {row}: {fault}") from None
        found.append(WaveDate(day, entry["name"] or day.isoformat()))
    days = [wave.day for wave in found]
    if len(set(days)) < len(days):
        raise Unreadable("waves.csv: a date stands there twice: everybody would be asked twice on one day.")
    return tuple(sorted(found, key=lambda wave: wave.day))


def _records(file: str, data: bytes, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    rows, _ = read_rows(decode(file, data), name=file)
    head = [fold(cell).lower() for cell in rows[0]] if rows else []
    missing = [name for name in columns if name not in head]
    if missing:
        raise Unreadable(f"{file}: the first line lacks {', '.join(missing)}: it must read {';'.join(columns)}.")
    found = []
    for number, cells in enumerate(rows[1:], start=2):
        texts = [fold(cell) for cell in cells] + [""] * len(head)
        if any(texts) and not texts[0].startswith("#"):
            found.append((number, {name: texts[head.index(name)] for name in columns}))
    return found


def _one_of(text: str, allowed: tuple[str, ...], where: str) -> str:
    if text not in allowed:
        raise Unreadable(f"{where}: {shortened(text)!r} is not one of {', '.join(allowed)}.{suggestion(text, allowed)}")
    return text


@total
def load_calendar(data: bytes) -> Calendar:
    """Read calendar.yaml."""
    try:
        entry = read_yaml(data, "calendar.yaml", texts=True)
    except BadInput as fault:
        raise Unreadable(str(fault)) from None
    if not isinstance(entry, dict):
        raise Unreadable("calendar.yaml must name zone, working_days, working_hours and holidays.")
    keys = ("zone", "working_days", "working_hours", "holidays")
    for key in entry:
        if key not in keys:
            raise Unreadable(f"calendar.yaml has an unknown key {shortened(str(key))!r}.{suggestion(str(key), keys)}")
    opens, closes = _hours(str(entry.get("working_hours", "09:00-18:00")))
    return Calendar(
        _zone(str(entry.get("zone", ""))), _weekdays(entry.get("working_days", [])), opens, closes,
        _holidays(entry.get("holidays") or {}),
    )  # fmt: skip


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unreadable(
            f"calendar.yaml: zone {shortened(name)!r} is not an IANA zone, such as Europe/Paris."
        ) from None
    return name


def _weekdays(entry: object) -> frozenset[int]:
    names = [str(name).lower()[:3] for name in entry] if isinstance(entry, list) else []
    if not names or any(name not in _DAYS for name in names):
        raise Unreadable("calendar.yaml: working_days must be a list such as [mon, tue, wed, thu, fri].")
    return frozenset(_DAYS.index(name) for name in names)


def _hours(text: str) -> tuple[time, time]:
    match = re.fullmatch(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)", fold(text))
    try:
        opens, closes = (
            (time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))) if match else (None, None)
        )
    except ValueError:
        opens, closes = None, None
    if opens is None or closes is None or opens >= closes:
        raise Unreadable(f"calendar.yaml: working_hours {shortened(text)!r} must read like 09:00-18:00.")
    return opens, closes


def _holidays(entry: object) -> dict[date, str]:
    pairs = (
        entry.items() if isinstance(entry, dict) else [(day, "") for day in entry] if isinstance(entry, list) else []
    )
    try:
        return {parse_date(str(day)): str(name) for day, name in pairs}
    except BadInput as fault:
        raise Unreadable(f"calendar.yaml, holidays: {fault}") from None
