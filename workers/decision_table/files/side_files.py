"""Read the small files beside the tables: contrary.csv, waves.csv and calendar.yaml.

Bytes in, frozen values out. Raises Unreadable, naming the row and what to write instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workers.calendar.days_off import DaysOff, regions_of, see_country
from workers.calendar.durations import Wait, parse_wait
from workers.calendar.team_hours import Shift, WorkingHours, parse_shifts
from workers.decision_table.files.reader import decode, read_rows
from workers.decision_table.model.cells import fold, shortened, split_list, suggestion
from workers.decision_table.model.limits import total
from workers.decision_table.model.table import Unreadable
from workers.decision_table.model.values import parse_date
from workers.errors import BadInput
from workers.text.yaml_text import read_yaml

TICKET_OPENED = "ticket_opened"
TICKETS_HOLD = Wait(days=60)
"""How long a ticket holds at most where the file has no such column: a forgotten one silences nobody for good."""
_EFFECTS = ("cancel", "hold")
_SCOPES = ("reference", "customer")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


T = TypeVar("T")


class Gathered:
    """What is wrong with a file, every fault of it, so that one correction is enough."""

    def __init__(self) -> None:
        self._faults: list[str] = []

    def add(self, fault: str) -> None:
        self._faults.append(fault)

    def read(self, part: Callable[[], T]) -> T | None:
        """Return what a part of the file says, or keep why it cannot be read."""
        try:
            return part()
        except Unreadable as fault:
            self.add(str(fault))
            return None

    def tell(self) -> None:
        """Raise Unreadable with every fault, if there is any."""
        if self._faults:
            raise Unreadable(" ".join(dict.fromkeys(self._faults)))


@dataclass(frozen=True, slots=True)
class Contrary:
    """Events that speak against asking: what they do, to what, and which events end it (plus a wait)."""

    events: frozenset[str]
    effect: str
    scope: str
    until: frozenset[str] = frozenset()
    wait: Wait = Wait()  # noqa: RUF009  Wait is frozen
    at_most: Wait | None = None


@dataclass(frozen=True, slots=True)
class WaveDate:
    """One day on which all customers are asked."""

    day: date
    name: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The team's working hours: zone, shifts by weekday (Monday is 0) and by date, days off with the names of some."""

    zone: str
    hours: WorkingHours
    days_off: DaysOff
    holidays: Mapping[date, str]
    calls_a_day: int = 0
    """Calls that one agent makes on a whole working day; 0: the file does not say."""

    @property
    def weekdays(self) -> frozenset[int]:
        """Return the days of the week on which somebody works."""
        return frozenset(day for day, shifts in self.hours.week.items() if shifts)

    @property
    def opens(self) -> time:
        return min(shift.opens for shifts in self.hours.week.values() for shift in shifts)

    @property
    def closes(self) -> time:
        """Return the closing that comes last on its day, or the day after."""
        return max((shift for shifts in self.hours.week.values() for shift in shifts), key=Shift.closing_minutes).closes

    def opens_on(self, day: date) -> time:
        """Return when the team begins on a date; on a day off, when it usually does."""
        return next((shift.opens for shift in self.hours.on(day, self.days_off)), self.opens)


@total
def load_contrary(data: bytes) -> tuple[Contrary, ...]:
    """Read contrary.csv; raises Unreadable with every fault of it."""
    faults = Gathered()
    rows = read_records("contrary.csv", data, ("event", "effect", "scope", "until"), ("at most",))
    contrary = [_contrary(entry, f"contrary.csv, row {row}", faults) for row, entry in rows]
    faults.tell()
    return tuple(contrary)


def _contrary(entry: Mapping[str, str], where: str, faults: Gathered) -> Contrary:
    events = frozenset(filter(None, split_list(entry["event"])))
    if not events:
        faults.add(f"{where}: name at least one event.")
    until, wait = faults.read(lambda: _until(entry["until"], where)) or (frozenset(), Wait())
    effect = faults.read(lambda: _one_of(entry["effect"], _EFFECTS, f"{where}, effect")) or ""
    scope = faults.read(lambda: _one_of(entry["scope"], _SCOPES, f"{where}, scope")) or ""
    if effect == "cancel" and until:
        faults.add(f"{where}: what is cancelled stays cancelled: leave until empty, or write hold.")
    at_most = faults.read(lambda: _at_most(entry.get("at most"), events, where)) if effect == "hold" else None
    return Contrary(events, effect, scope, until, wait, at_most)


def _at_most(text: str | None, events: frozenset[str], where: str) -> Wait | None:
    """Return how long a hold lasts at most: as the cell says; without the column, what a ticket does."""
    if text is None:
        return TICKETS_HOLD if TICKET_OPENED in events else None
    try:
        return parse_wait(text) if text else None
    except BadInput as fault:
        raise Unreadable(f"{where}, at most: {fault}") from None


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
    faults = Gathered()
    waves = []
    for row, entry in read_records("waves.csv", data, ("date", "name")):
        try:
            day = parse_date(entry["date"])
        except BadInput as fault:
            faults.add(f"waves.csv, row {row}: {fault}")
            continue
        waves.append(WaveDate(day, entry["name"] or day.isoformat()))
    days = [wave.day for wave in waves]
    if len(set(days)) < len(days):
        faults.add("waves.csv: a date stands there twice: everybody would be asked twice on one day.")
    faults.tell()
    return tuple(sorted(waves, key=lambda wave: wave.day))


def read_records(
    file: str, data: bytes, columns: tuple[str, ...], optional: tuple[str, ...] = ()
) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a small CSV file with their numbers, each by its columns; comments are left out.

    Raises Unreadable for a first line that lacks a column.
    """
    rows, _ = read_rows(decode(file, data), name=file)
    head = [fold(cell).lower() for cell in rows[0]] if rows else []
    missing = [name for name in columns if name not in head]
    named = (*columns, *(name for name in optional if name in head))
    if missing:
        raise Unreadable(f"{file}: the first line lacks {', '.join(missing)}: it must read {';'.join(columns)}.")
    records = []
    for number, cells in enumerate(rows[1:], start=2):
        texts = [fold(cell) for cell in cells] + [""] * len(head)
        if any(texts) and not texts[0].startswith("#"):
            records.append((number, {name: texts[head.index(name)] for name in named}))
    return records


def _one_of(text: str, allowed: tuple[str, ...], where: str) -> str:
    if text not in allowed:
        raise Unreadable(f"{where}: {shortened(text)!r} is not one of {', '.join(allowed)}.{suggestion(text, allowed)}")
    return text


CALENDAR_KEYS = (
    "zone", "working_days", "working_hours", "hours_on", "country", "region", "holidays", "calls_a_day",
)  # fmt: skip
MOST_CALLS = 500
"""Calls of an agent on one day; more is a slip of the pen."""


@total
def load_calendar(data: bytes) -> Calendar:
    """Read calendar.yaml. Raises Unreadable."""
    try:
        entry = read_yaml(data, "calendar.yaml", texts=True)
    except BadInput as fault:
        raise Unreadable(str(fault)) from None
    if not isinstance(entry, dict):
        raise Unreadable("calendar.yaml must name zone, working_days, working_hours and holidays.")
    faults = Gathered()
    for key in entry:
        if key not in CALENDAR_KEYS:
            hint = suggestion(str(key), CALENDAR_KEYS)
            faults.add(f"calendar.yaml has an unknown key {shortened(str(key))!r}.{hint}")
    holidays = faults.read(lambda: _holidays(entry.get("holidays") or {}, faults)) or {}
    country, region = faults.read(lambda: _country(entry.get("country"), entry.get("region"))) or ("", "")
    own = faults.read(lambda: _dated(entry.get("hours_on") or {}, "hours_on", faults)) or {}
    dates = {day: faults.read(partial(_shifts, hours, f"hours_on, {day}")) or () for day, hours in own.items()}
    days, hours = entry.get("working_days"), entry.get("working_hours", "09:00-18:00")
    week = faults.read(lambda: _week(days, hours)) or {}
    zone = faults.read(lambda: _zone(str(entry.get("zone", "")))) or ""
    calls = faults.read(lambda: _calls(entry.get("calls_a_day"))) or 0
    faults.tell()
    return Calendar(
        zone,
        WorkingHours(week, dates),
        DaysOff(frozenset(holidays), country, region),
        holidays,
        calls,
    )


def _calls(entry: object) -> int:
    """Return the calls that an agent makes on a working day; none where nothing is said."""
    text = "" if entry is None else str(entry).strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_CALLS)) and 1 <= int(text) <= MOST_CALLS):
        raise Unreadable(
            f"calendar.yaml: calls_a_day {shortened(text)!r} is not the number of calls that one agent makes on a "
            f"working day, from 1 to {MOST_CALLS}."
        )
    return int(text)


def _country(country: object, region: object) -> tuple[str, str]:
    """Return a country and region whose public holidays are known; neither is asked for."""
    if not country:
        if region:
            raise Unreadable("calendar.yaml: region goes with a country, such as country: DE and region: BY.")
        return "", ""
    name, part = str(country).strip().upper(), str(region or "").strip()
    part = part.removeprefix(f"{name}-")
    try:
        see_country(name)
        regions = regions_of(name) if part else ()
    except BadInput as fault:
        raise Unreadable(f"calendar.yaml: {fault}") from None
    if part and part not in regions:
        listed = ", ".join(regions) or "none"
        raise Unreadable(f"calendar.yaml: region {shortened(part)!r} of {name} is not known; there are {listed}.")
    return name, part


def _week(days: object, hours: object) -> dict[int, tuple[Shift, ...]]:
    """Return the shifts of each weekday: the same on every working day, or by day."""
    if not isinstance(hours, dict):
        shifts = _shifts(hours, "working_hours")
        return dict.fromkeys(sorted(_weekdays(days or [])), shifts)
    week: dict[int, tuple[Shift, ...]] = {}
    faults = Gathered()
    for name, own in hours.items():
        shifts = faults.read(partial(_shifts, own, f"working_hours, {name}")) or ()
        for day in faults.read(partial(_days_named, str(name))) or []:
            if day in week:
                faults.add(f"calendar.yaml: working_hours names {_DAYS[day]} twice.")
            week[day] = shifts
    faults.tell()
    if days is not None and _weekdays(days) != {day for day, shifts in week.items() if shifts}:
        raise Unreadable("calendar.yaml: working_hours names other days than working_days: leave working_days out.")
    if not any(week.values()):
        raise Unreadable("calendar.yaml: working_hours must name hours on one day at least.")
    return week


def _days_named(text: str) -> list[int]:
    """Return the days that a key names: `fri`, `mon-thu`, `sat,sun`."""
    weekdays: list[int] = []
    for part in text.replace("–", "-").split(","):
        first, dash, last = (name.strip().lower()[:3] for name in part.partition("-"))
        if first not in _DAYS or (dash and last not in _DAYS):
            raise Unreadable(f"calendar.yaml: working_hours: {shortened(text)!r} names no day, such as fri or mon-thu.")
        start, end = _DAYS.index(first), _DAYS.index(last if dash else first)
        weekdays += [(start + step) % 7 for step in range((end - start) % 7 + 1)]
    return weekdays


def _shifts(entry: object, where: str) -> tuple[Shift, ...]:
    """Return the spans of a day, from a text or a list of texts; nothing, or `closed`, is a day without work."""
    text = ", ".join(str(shift) for shift in entry) if isinstance(entry, list) else str(entry or "")
    if where != "working_hours" and text.strip().lower() in ("", "closed", "off", "none"):
        return ()
    try:
        return parse_shifts(fold(text))
    except BadInput as fault:
        raise Unreadable(f"calendar.yaml: {where}: {fault}") from None


def _dated(entry: object, where: str, faults: Gathered) -> dict[date, object]:
    """Return each date of a mapping with what stands there; keys that are no date are gathered."""
    if not isinstance(entry, dict):
        raise Unreadable(f"calendar.yaml: {where} must be a list of `2026-12-24: 09:00-12:00` lines.")
    by_date: dict[date, object] = {}
    for day, what in entry.items():
        try:
            by_date[parse_date(str(day))] = what
        except BadInput as fault:
            faults.add(f"calendar.yaml, {where}: {fault}")
    return by_date


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


def _holidays(entry: object, faults: Gathered) -> dict[date, str]:
    days = entry if isinstance(entry, dict) else dict.fromkeys(map(str, entry), "") if isinstance(entry, list) else {}
    return {day: str(name) for day, name in _dated(days, "holidays", faults).items()}
