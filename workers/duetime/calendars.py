"""Working time of a team: when a ticket is due, how long it took, and what may be promised to a customer.

Working time is elapsed time between an opening and a closing, counted in instants, so that a clock change on a working
night adds or takes its hour. Must not know about tickets, owners or states.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from workers.duetime.windows import SendWindow, openings, parse_window
from workers.duetime.zones import as_utc, instant_of, zone_info

MORNING_ENDS = time(13)  # wall time: a promise says "in the morning" for what is due until then

_NONE = timedelta(0)


class HalfDayPart(StrEnum):
    """The halves of a working day, as promises and callbacks name them."""

    MORNING = "morning"
    AFTERNOON = "afternoon"


@dataclass(frozen=True, slots=True)
class HalfDay:
    """One half of a working day: its date in the team's zone, which half, and its first and last instant in UTC."""

    day: date
    part: HalfDayPart
    begins: datetime
    limit: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a team works: its zone, its hours on the days of the week, and the dates on which it is closed.

    Raises BadInput for an unknown zone.
    """

    zone: str
    hours: SendWindow
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        zone_info(self.zone)

    @classmethod
    def of(cls, zone: str, hours: str, holidays: Iterable[date] = ()) -> "Calendar":
        """Return the calendar of hours as `parse_window` reads them; raise BadInput with a sentence."""
        return cls(zone, parse_window(hours), frozenset(holidays))

    def spans(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield opening and closing instants of working days from the one under way at `at`, or the next, onwards."""
        return openings(as_utc(at), self.hours, zone_info(self.zone), self.holidays)


def add_working(at: datetime, duration: timedelta, calendar: Calendar) -> datetime:
    """Return the first instant by which `duration` of working time has passed since `at`, in UTC.

    Ends at a closing rather than at the next opening; no duration at all gives the next working moment. Raises
    ValueError for a negative duration.
    """
    if duration < _NONE:
        raise ValueError(f"Working time runs forward: {duration} is negative.")
    at = as_utc(at)
    left = duration
    spans = calendar.spans(at)
    while True:
        opening, closing = next(spans)
        start = max(at, opening)
        if left <= closing - start:
            return start + left
        left -= closing - start


def working_between(a: datetime, b: datetime, calendar: Calendar) -> timedelta:
    """Return the working time from `a` to `b`; none when `b` is not after `a`."""
    start, end = as_utc(a), as_utc(b)
    total = _NONE
    for opening, closing in calendar.spans(start):
        if opening >= end:
            break
        total += max(min(closing, end) - max(opening, start), _NONE)
    return total


def add_working_days(at: datetime, count: int, calendar: Calendar) -> datetime:
    """Return the instant `count` working days after `at`, at the same wall time, in UTC.

    Outside working time it counts from the next opening; counted from an opening it ends at a closing, the one of the
    day before, so that nothing falls due as the team arrives. No days give the next working moment. Raises ValueError
    for a negative count.
    """
    if count < 0:
        raise ValueError(f"Working days run forward: {count} is negative.")
    spans = calendar.spans(at)
    opening, closing = next(spans)
    start = max(as_utc(at), opening)
    if count == 0:
        return start
    from_opening = start == opening
    for _ in range(count - from_opening):
        opening, closing = next(spans)
    if from_opening:
        return closing
    zone = zone_info(calendar.zone)
    wall = start.astimezone(zone).time()
    due = instant_of(datetime.combine(opening.astimezone(zone).date(), wall), zone)
    return min(max(due, opening), closing)  # a clock change may carry the wall time past either end


def next_half_day(at: datetime, calendar: Calendar) -> datetime:
    """Return the first instant after `at` at which a half of a working day begins, in UTC."""
    return next(half.begins for half in half_days(at, calendar) if half.begins > at)


def half_day_after(at: datetime, calendar: Calendar) -> HalfDay:
    """Return the half of a working day at the end of which `at` has come: what a promise may name.

    `at` at the very end of a half (13:00, or closing) belongs to that half; outside working time it is the next half.
    """
    return next(half for half in half_days(at, calendar) if half.limit >= at)


def half_days(at: datetime, calendar: Calendar) -> Iterator[HalfDay]:
    """Yield the halves of working days from the day under way at `at`, or the next; a short day may have only one."""
    zone = zone_info(calendar.zone)
    # One instant earlier, so that a day which closes just at `at` is still seen.
    for opening, closing in calendar.spans(as_utc(at) - timedelta.resolution):
        day = opening.astimezone(zone).date()
        noon = instant_of(datetime.combine(day, MORNING_ENDS), zone)
        if opening < noon:
            yield HalfDay(day, HalfDayPart.MORNING, opening, min(noon, closing))
        if noon < closing:
            yield HalfDay(day, HalfDayPart.AFTERNOON, max(noon, opening), closing)
