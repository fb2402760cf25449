"""Working time: due times, half-days and durations, held against counting minute by minute."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.calendar import (
    Calendar,
    HalfDayPart,
    SendWindow,
    add_working,
    add_working_days,
    half_day_after,
    half_days,
    next_half_day,
    working_between,
    working_lengths,
)
from workers.errors import BadInput

TEAM = Calendar.of("Europe/Paris", "mon-fri 09:00-18:00", [date(2026, 4, 6)])  # Easter Monday
MINUTE = timedelta(minutes=1)

# Hours that meet clock changes, in zones whose clocks change at full hours, by half an hour, at midnight, or never.
CALENDARS = st.builds(
    lambda zone, days, hours, holidays: Calendar.of(
        zone, f"{','.join(days)} {hours}", [date(2026, 3, 1) + timedelta(day) for day in holidays]
    ),
    st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu"]),
    st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, max_size=7, unique=True),
    st.sampled_from(["09:00-18:00", "00:00-24:00", "00:00-03:00", "02:00-10:00", "14:00-24:00", "06:00-12:00"]),
    st.sets(st.integers(0, 60), max_size=8),
)
# Spring and autumn of 2026: every clock change of the zones above that have one lies in these weeks.
MINUTES = st.one_of(
    st.integers(0, 60 * 24 * 60).map(lambda minute: datetime(2026, 3, 1, tzinfo=UTC) + minute * MINUTE),
    st.integers(0, 45 * 24 * 60).map(lambda minute: datetime(2026, 10, 1, tzinfo=UTC) + minute * MINUTE),
)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Paris"))


def is_working(at: datetime, calendar: Calendar) -> bool:
    """Tell whether clocks on the wall show working time, without using any opening or closing instant."""
    wall = at.astimezone(ZoneInfo(calendar.zone))
    assert isinstance(calendar.hours, SendWindow)
    closes = calendar.hours.closes.hour or 24
    return (
        wall.weekday() in calendar.hours.weekdays
        and wall.date() not in calendar.holidays
        and calendar.hours.opens.hour <= wall.hour < closes
    )


def count_minutes(start: datetime, end: datetime, calendar: Calendar) -> int:
    """Return the working minutes from start to end by looking at each."""
    total = 0
    while start < end:
        total += is_working(start, calendar)
        start += MINUTE
    return total


@pytest.mark.parametrize(
    ("confirmed", "due"),
    [
        ("2026-03-06T17:30", "2026-03-09T12:30"),
        ("2026-03-08T11:00", "2026-03-09T13:00"),
        ("2026-03-04T22:00", "2026-03-05T13:00"),
        ("2026-03-04T09:00", "2026-03-04T13:00"),
        ("2026-03-04T14:00", "2026-03-04T18:00"),
        ("2026-03-04T06:00", "2026-03-04T13:00"),
        ("2026-04-03T17:30", "2026-04-07T12:30"),
        ("2026-03-27T17:30", "2026-03-30T12:30"),
    ],
)
def test_first_contact_is_due_in_four_working_hours(confirmed: str, due: str) -> None:
    """Nights, week-ends, Easter Monday and the week-end of the clock change do not count."""
    assert add_working(paris(confirmed), timedelta(hours=4), TEAM) == paris(due)


@pytest.mark.parametrize(
    ("confirmed", "count", "due"),
    [
        ("2026-03-06T17:30", 2, "2026-03-10T17:30"),
        ("2026-03-04T10:15", 2, "2026-03-06T10:15"),
        ("2026-03-08T11:00", 2, "2026-03-10T18:00"),
        ("2026-03-04T22:00", 2, "2026-03-06T18:00"),
        ("2026-03-04T09:00", 1, "2026-03-04T18:00"),
        ("2026-04-02T15:00", 2, "2026-04-07T15:00"),
        ("2026-03-27T10:00", 1, "2026-03-30T10:00"),
        ("2026-03-07T10:00", 0, "2026-03-09T09:00"),
        ("2026-03-04T10:15", 0, "2026-03-04T10:15"),
    ],
)
def test_done_is_due_in_working_days(confirmed: str, count: int, due: str) -> None:
    """Two working days on at the same hour; counted from an opening it is the evening before, never an opening."""
    assert add_working_days(paris(confirmed), count, TEAM) == paris(due)


def test_a_working_day_hour_that_a_clock_change_skips_stays_in_the_day() -> None:
    """02:30 in the night of the clock change is due at 03:30, or at closing where that is earlier."""
    nights = Calendar.of("Europe/Paris", "mon-sun 00:00-04:00")
    short = Calendar.of("Europe/Paris", "mon-sun 00:00-03:00")
    assert add_working_days(paris("2026-03-28T02:30"), 1, nights) == paris("2026-03-29T03:30")
    assert add_working_days(paris("2026-03-28T02:30"), 1, short) == paris("2026-03-29T03:00")


@pytest.mark.parametrize(
    ("due", "day", "part", "limit"),
    [
        ("2026-03-09T12:30", date(2026, 3, 9), HalfDayPart.MORNING, "2026-03-09T13:00"),
        ("2026-03-09T13:00", date(2026, 3, 9), HalfDayPart.MORNING, "2026-03-09T13:00"),
        ("2026-03-09T13:01", date(2026, 3, 9), HalfDayPart.AFTERNOON, "2026-03-09T18:00"),
        ("2026-03-09T18:00", date(2026, 3, 9), HalfDayPart.AFTERNOON, "2026-03-09T18:00"),
        ("2026-03-09T18:01", date(2026, 3, 10), HalfDayPart.MORNING, "2026-03-10T13:00"),
        ("2026-03-09T08:00", date(2026, 3, 9), HalfDayPart.MORNING, "2026-03-09T13:00"),
        ("2026-04-04T10:00", date(2026, 4, 7), HalfDayPart.MORNING, "2026-04-07T13:00"),
    ],
)
def test_a_promise_names_the_half_day_by_whose_end_it_is_due(
    due: str, day: date, part: HalfDayPart, limit: str
) -> None:
    """A due time is rounded up to the end of the morning or of the afternoon."""
    half = half_day_after(paris(due), TEAM)
    assert (half.day, half.part, half.limit) == (day, part, paris(limit))


@pytest.mark.parametrize(
    ("at", "begins"),
    [
        ("2026-03-09T08:00", "2026-03-09T09:00"),
        ("2026-03-09T09:00", "2026-03-09T13:00"),
        ("2026-03-09T10:00", "2026-03-09T13:00"),
        ("2026-03-09T13:00", "2026-03-10T09:00"),
        ("2026-03-09T17:00", "2026-03-10T09:00"),
        ("2026-04-03T17:00", "2026-04-07T09:00"),
    ],
)
def test_a_call_without_answer_is_tried_again_in_the_next_half_day(at: str, begins: str) -> None:
    """The next half of a working day begins later than now, also when one has just begun."""
    assert next_half_day(paris(at), TEAM) == paris(begins)


def test_a_team_that_works_only_in_the_morning_promises_only_mornings() -> None:
    """A short day has one half, and its limit is the closing."""
    mornings = Calendar.of("Europe/Paris", "mon-fri 08:00-12:00")
    evenings = Calendar.of("Europe/Paris", "mon-fri 14:00-20:00")
    half = half_day_after(paris("2026-03-09T13:30"), mornings)
    assert (half.day, half.part, half.limit) == (date(2026, 3, 10), HalfDayPart.MORNING, paris("2026-03-10T12:00"))
    half = half_day_after(paris("2026-03-09T10:00"), evenings)
    assert (half.part, half.begins, half.limit) == (
        HalfDayPart.AFTERNOON,
        paris("2026-03-09T14:00"),
        paris("2026-03-09T20:00"),
    )


def test_working_time_is_measured_forward_only() -> None:
    """A call before the ticket took no time; over a week-end only the open hours count."""
    assert working_between(paris("2026-03-06T17:00"), paris("2026-03-09T10:30"), TEAM) == timedelta(hours=2.5)
    assert working_between(paris("2026-03-09T10:30"), paris("2026-03-06T17:00"), TEAM) == timedelta()
    assert working_between(paris("2026-03-07T10:00"), paris("2026-03-08T17:00"), TEAM) == timedelta()


def test_a_night_shift_gains_and_loses_the_hour_of_the_clock_change() -> None:
    """Working time is time that passes: a day round the clock has 23, 24 or 25 hours."""
    always_on = Calendar.of("Europe/Paris", "mon-sun 00:00-24:00")
    for day, hours in (("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)):
        start = paris(f"{day}T00:00")
        end = start + timedelta(days=1)  # wall time: the next midnight
        assert working_between(start, end, always_on) == timedelta(hours=hours)
        assert add_working(start, timedelta(hours=hours), always_on) == end


@settings(max_examples=60, deadline=None)
@given(MINUTES, st.integers(0, 4 * 24 * 60), CALENDARS)
def test_working_time_agrees_with_counting_minutes(start: datetime, minutes: int, calendar: Calendar) -> None:
    """Through clock changes and holidays, the measured time is the number of minutes that were working minutes."""
    end = start + minutes * MINUTE
    assert working_between(start, end, calendar) == count_minutes(start, end, calendar) * MINUTE


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(MINUTES, st.integers(-300, 4 * 24 * 60)), max_size=4), CALENDARS)
def test_many_stretches_are_measured_as_each_is(stretches: list[tuple[datetime, int]], calendar: Calendar) -> None:
    """Whatever the order, far apart or overlapping: measured together they are what they are one by one."""
    ends = [(start, start + minutes * MINUTE) for start, minutes in stretches]
    assert working_lengths(ends, calendar) == [working_between(start, end, calendar) for start, end in ends]


@settings(max_examples=60, deadline=None)
@given(MINUTES, st.integers(1, 20 * 60), CALENDARS)
def test_a_due_time_agrees_with_counting_minutes(start: datetime, minutes: int, calendar: Calendar) -> None:
    """At the due time exactly so many working minutes have passed, and the minute before it was one of them."""
    due = add_working(start, minutes * MINUTE, calendar)
    assert is_working(due - MINUTE, calendar)
    assert working_between(start, due, calendar) == minutes * MINUTE
    if due - start < timedelta(days=4):
        assert count_minutes(start, due, calendar) == minutes


@settings(max_examples=100, deadline=None)
@given(MINUTES, st.integers(0, 12), CALENDARS)
def test_working_days_end_in_working_time_and_never_at_an_opening(
    start: datetime, count: int, calendar: Calendar
) -> None:
    """More days are later, the end is within or at the end of working time, and asking twice gives the same."""
    due = add_working_days(start, count, calendar)
    assert due >= start
    if count:
        assert is_working(due - MINUTE, calendar)
        assert due > add_working_days(start, count - 1, calendar)


@settings(max_examples=100, deadline=None)
@given(MINUTES, CALENDARS)
def test_half_days_tile_working_time(at: datetime, calendar: Calendar) -> None:
    """Halves follow one another without overlap, each is all working time, and a promise is never before its due."""
    halves = [half for half, _ in zip(half_days(at, calendar), range(6), strict=False)]
    assert all(before.limit <= after.begins for before, after in pairwise(halves))
    for half in halves:
        assert half.begins < half.limit
        assert working_between(half.begins, half.limit, calendar) == half.limit - half.begins
    promised = half_day_after(at, calendar)
    assert promised.limit >= at
    assert working_between(at, promised.begins, calendar) == timedelta()
    assert next_half_day(at, calendar) > at


def test_what_makes_no_sense_is_refused() -> None:
    """Negative spans are faults of the caller; a calendar without a zone or hours is a fault of the file."""
    with pytest.raises(ValueError, match="negative"):
        add_working(paris("2026-03-09T10:00"), -MINUTE, TEAM)
    with pytest.raises(ValueError, match="negative"):
        add_working_days(paris("2026-03-09T10:00"), -1, TEAM)
    with pytest.raises(ValueError, match="no zone"):
        add_working(datetime(2026, 3, 9), MINUTE, TEAM)  # noqa: DTZ001 - the fault under test
    with pytest.raises(BadInput, match="IANA"):
        Calendar.of("Paris", "mon-fri 09:00-18:00")
    with pytest.raises(BadInput, match="mon-fri"):
        Calendar.of("Europe/Paris", "office hours")


def test_every_answer_is_in_utc() -> None:
    """Whatever zone an instant comes in, what is stored is UTC."""
    at = paris("2026-03-06T17:30")
    half = half_day_after(at, TEAM)
    answers = [add_working(at, MINUTE, TEAM), add_working_days(at, 1, TEAM), add_working_days(at, 0, TEAM)]
    answers += [next_half_day(at, TEAM), half.begins, half.limit]
    assert {answer.tzinfo for answer in answers} == {UTC}
