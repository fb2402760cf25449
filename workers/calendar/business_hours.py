"""Working time of a team: when a ticket is due, how long it took, and what may be promised to a customer.

Working time is elapsed time between an opening and a closing, counted in instants, so that a clock change on a working
night adds or takes its hour. A day has as many spans as it has, and one may end on the day after it began. Must not
know about tickets, owners or states.
"""

from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

from workers.calendar.send_window import SendWindow, parse_window
from workers.calendar.team_hours import Shift, WorkingHours, hours_of_window
from workers.calendar.timezones import as_utc, instant_of, zone_info

MORNING_ENDS = time(13)  # wall time: a promise says "in the morning" for what is due until then

_NONE = timedelta(0)
_ONE_DAY = timedelta(days=1)
_LOOKED_BACK = 2
"""Days before an instant on which a shift may have begun that lasts until it, or that another one overlaps."""
Span = tuple[datetime, datetime]


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
    """When a team works: its zone, its hours on the days of the week and on single dates, and the days off.

    Raises BadInput for an unknown zone.
    """

    zone: str
    hours: SendWindow | WorkingHours
    holidays: Container[date] = frozenset()

    def __post_init__(self) -> None:
        zone_info(self.zone)

    @classmethod
    def of(cls, zone: str, hours: str, holidays: Iterable[date] = ()) -> "Calendar":
        """Return the calendar of hours as `parse_window` reads them; raise BadInput with a sentence."""
        return cls(zone, parse_window(hours), frozenset(holidays))

    def days(self, at: datetime) -> Iterator[tuple[date, list[Span]]]:
        """Yield working days with their spans, from the first whose last closing lies after `at` onwards, for ever.

        Spans do not overlap: what one shift covers already is no second time in the next.
        """
        hours, zone = self._working_hours(), zone_info(self.zone)
        day = at.astimezone(zone).date() - _LOOKED_BACK * _ONE_DAY
        covered = datetime.min.replace(tzinfo=at.tzinfo)
        while True:
            spans: list[Span] = []
            for shift in hours.on(day, self.holidays):
                span = _instants(day, shift, zone)
                if span is not None and span[1] > covered:
                    spans.append((max(span[0], covered), span[1]))
                    covered = span[1]
            if spans and spans[-1][1] > at:
                yield day, spans
            day += _ONE_DAY

    def spans(self, at: datetime) -> Iterator[Span]:
        """Yield opening and closing instants from the span under way at `at`, or the next, onwards."""
        at = as_utc(at)
        return (span for _, spans in self.days(at) for span in spans if span[1] > at)

    def _working_hours(self) -> WorkingHours:
        return hours_of_window(self.hours) if isinstance(self.hours, SendWindow) else self.hours


@lru_cache(maxsize=8192)  # few zones and few days are asked for again and again
def _instants(day: date, shift: Shift, zone: ZoneInfo) -> Span | None:
    """Return when a shift that begins on a day opens and closes, or None where the clocks leave nothing of it."""
    opening = instant_of(datetime.combine(day, shift.opens), zone)
    closing = instant_of(datetime.combine(day + _ONE_DAY if shift.overnight else day, shift.closes), zone)
    # A clock change can swallow a short shift, and once in a while a whole date (Apia, 30 December 2011).
    return (opening, closing) if opening < closing and opening.astimezone(zone).date() == day else None


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


def working_lengths(stretches: Sequence[Span], calendar: Calendar) -> list[timedelta]:
    """Return the working time of many stretches, as `working_between` does of each; the team's spans are read once."""
    if not stretches:
        return []
    last = max(end for _, end in stretches)
    openings: list[datetime] = []
    closings: list[datetime] = []
    before = [_NONE]
    for opening, closing in calendar.spans(min(start for start, _ in stretches)):
        if opening >= last:
            break
        openings.append(opening)
        closings.append(closing)
        before.append(before[-1] + (closing - opening))

    def worked(at: datetime) -> timedelta:
        place = bisect_right(openings, at) - 1
        return before[place] + (min(at, closings[place]) - openings[place]) if place >= 0 else _NONE

    return [max(worked(end) - worked(start), _NONE) for start, end in stretches]


def add_working_days(at: datetime, count: int, calendar: Calendar) -> datetime:
    """Return the instant `count` working days after `at`, at the same wall time, in UTC.

    Outside working time it counts from the next opening; counted from an opening it ends at a closing, the one of the
    day before, so that nothing falls due as the team arrives. No days give the next working moment. Raises ValueError
    for a negative count.
    """
    if count < 0:
        raise ValueError(f"Working days run forward: {count} is negative.")
    at = as_utc(at)
    days = calendar.days(at)
    began, spans = next(days)
    opening = next(opening for opening, closing in spans if closing > at)
    start = max(at, opening)
    if count == 0:
        return start
    from_opening = start == spans[0][0]
    day = began
    for _ in range(count - from_opening):
        day, spans = next(days)
    if from_opening:
        return spans[-1][1]
    zone = zone_info(calendar.zone)
    wall = start.astimezone(zone)
    due = instant_of(datetime.combine(day + (wall.date() - began), wall.time()), zone)
    due = min(max(due, spans[0][0]), spans[-1][1])  # a clock change may carry the wall time past either end
    if due == spans[0][0]:  # that day opens later: nothing falls due as the team arrives
        return spans[0][1]
    return max(min(due, closing) for opening, closing in spans if opening < due)  # in a break: before it


def next_half_day(at: datetime, calendar: Calendar) -> datetime:
    """Return the first instant after `at` at which a half of a working day begins, in UTC."""
    return next(half.begins for half in half_days(at, calendar) if half.begins > at)


def half_day_after(at: datetime, calendar: Calendar) -> HalfDay:
    """Return the half of a working day at the end of which `at` has come: what a promise may name.

    `at` at the very end of a half (13:00, or closing) belongs to that half; outside working time it is the next half.
    """
    return next(half for half in half_days(at, calendar) if half.limit >= at)


def half_days(at: datetime, calendar: Calendar) -> Iterator[HalfDay]:
    """Yield the halves of working days from the day under way at `at`, or the next; a short day may have only one.

    A half lasts from its first opening to its last closing, over a break. What a night shift works after midnight is
    the morning of that date.
    """
    at = as_utc(at)
    zone = zone_info(calendar.zone)
    # From the beginning of that day, so that a half whose first span is over is still whole.
    midnight = instant_of(datetime.combine((at - timedelta.resolution).astimezone(zone).date(), time()), zone)
    pieces = (piece for span in calendar.spans(midnight) for piece in _cut(span, zone) if piece[3] > midnight)
    for (day, part), group in groupby(pieces, key=lambda piece: piece[:2]):
        cut = list(group)
        yield HalfDay(day, part, cut[0][2], cut[-1][3])


def _cut(span: Span, zone: ZoneInfo) -> Iterator[tuple[date, HalfDayPart, datetime, datetime]]:
    """Yield the pieces of a span between midnights and noons: date, half, first and last instant."""
    opening, closing = span
    day = opening.astimezone(zone).date()
    while opening < closing:
        noon = instant_of(datetime.combine(day, MORNING_ENDS), zone)
        midnight = instant_of(datetime.combine(day + _ONE_DAY, time()), zone)
        for part, ends in ((HalfDayPart.MORNING, noon), (HalfDayPart.AFTERNOON, midnight)):
            until = min(closing, ends)
            if opening < until:
                yield day, part, opening, until
                opening = until
        day += _ONE_DAY
