"""Lunch breaks, night shifts, half-days, round the clock: held against counting minute by minute."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from holidays.registry import EntityLoader
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.calendar import (
    COUNTRY_CODES,
    Calendar,
    DaysOff,
    HalfDayPart,
    Shift,
    WorkingHours,
    add_working,
    add_working_days,
    half_day_after,
    half_days,
    next_half_day,
    parse_shifts,
    public_holidays,
    working_between,
)
from workers.cloudevents.locale_names import countries
from workers.errors import BadInput

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
PARIS = "Europe/Paris"
HOURS = (
    *("09:00-18:00", "09:00-12:30, 14:00-18:00", "22:00-06:00", "00:00-24:00", "20:00-05:00", "18:00-24:00"),
    *("06:00-09:00, 10:00-12:00, 13:00-15:30, 20:00-22:00", "00:00-06:00, 22:00-24:00", "08:00-12:00, 23:00-04:00"),
)
A_DAY = st.one_of(st.just(""), st.sampled_from(HOURS))
FEW_DATES = st.dictionaries(st.integers(0, 40).map(lambda n: date(2026, 3, 10) + n * DAY), A_DAY, max_size=4)


def shifts(text: str) -> tuple[Shift, ...]:
    """Return the shifts of a day; nothing is a day without work."""
    return parse_shifts(text) if text else ()


def calendar(zone: str, days: list[str], dates: dict[date, str], off: set[date]) -> Calendar:
    """Return a calendar whose Monday is never without work."""
    week = {day: shifts(text) for day, text in enumerate([days[0] or "09:00-12:00", *days[1:]])}
    return Calendar(zone, WorkingHours(week, {on: shifts(text) for on, text in dates.items()}), DaysOff(frozenset(off)))


CALENDARS = st.builds(
    calendar,
    st.sampled_from([PARIS, "America/New_York", "Asia/Kathmandu", "Pacific/Auckland"]),
    st.lists(A_DAY, min_size=7, max_size=7),
    FEW_DATES,
    st.sets(st.integers(0, 40).map(lambda n: date(2026, 3, 10) + n * DAY), max_size=5),
)
MINUTES = st.integers(0, 60 * 24 * 40).map(lambda minute: datetime(2026, 3, 8, tzinfo=UTC) + minute * MINUTE)
"""With the clock changes of the zones above."""


def is_working(at: datetime, team: Calendar) -> bool:
    """Tell whether clocks on the wall show working time, without using any opening or closing instant."""
    assert isinstance(team.hours, WorkingHours)
    wall = at.astimezone(ZoneInfo(team.zone))
    today, yesterday = wall.date(), wall.date() - DAY
    by_day = any(
        shift.opens <= wall.time() and (shift.overnight or wall.time() < shift.closes)
        for shift in team.hours.on(today, team.holidays)
    )
    by_night = any(shift.overnight and wall.time() < shift.closes for shift in team.hours.on(yesterday, team.holidays))
    return by_day or by_night


def count_minutes(start: datetime, end: datetime, team: Calendar) -> int:
    """Return the working minutes from start to end by looking at each."""
    return sum(is_working(start + n * MINUTE, team) for n in range((end - start) // MINUTE))


@settings(max_examples=60, deadline=None)
@given(MINUTES, st.integers(0, 4 * 24 * 60), CALENDARS)
def test_working_time_agrees_with_counting_minutes(start: datetime, minutes: int, team: Calendar) -> None:
    """Whatever spans a day has, and wherever a night shift runs into the next one's."""
    end = start + minutes * MINUTE
    assert working_between(start, end, team) == count_minutes(start, end, team) * MINUTE


@settings(max_examples=60, deadline=None)
@given(MINUTES, st.integers(1, 20 * 60), CALENDARS)
def test_a_due_time_agrees_with_counting_minutes(start: datetime, minutes: int, team: Calendar) -> None:
    """At the due time exactly so many working minutes have passed, and the minute before it was one of them."""
    due = add_working(start, minutes * MINUTE, team)
    assert is_working(due - MINUTE, team)
    assert working_between(start, due, team) == minutes * MINUTE
    if due - start < 4 * DAY:
        assert count_minutes(start, due, team) == minutes


@settings(max_examples=80, deadline=None)
@given(MINUTES, st.integers(0, 12), CALENDARS)
def test_working_days_end_in_working_time_and_never_at_an_opening(start: datetime, count: int, team: Calendar) -> None:
    """Each day more is no earlier, and what falls into a break is due before it."""
    due = add_working_days(start, count, team)
    assert due >= start
    if count:
        assert is_working(due - MINUTE, team)
        assert due >= add_working_days(start, count - 1, team)


@settings(max_examples=80, deadline=None)
@given(MINUTES, CALENDARS)
def test_half_days_tile_working_time(at: datetime, team: Calendar) -> None:
    """Halves follow one another, begin and end in working time, hold all of it; no promise is before its due."""
    halves = [half for half, _ in zip(half_days(at, team), range(8), strict=False)]
    assert all(before.limit <= after.begins for before, after in pairwise(halves))
    for half in halves:
        assert is_working(half.begins, team)
        assert is_working(half.limit - MINUTE, team)
        wall = half.begins.astimezone(ZoneInfo(team.zone))
        assert (wall.date(), wall.time() < time(13)) == (half.day, half.part is HalfDayPart.MORNING)
    between = sum((working_between(half.begins, half.limit, team) for half in halves), timedelta())
    assert between == working_between(halves[0].begins, halves[-1].limit, team)
    promised = half_day_after(at, team)
    assert promised.limit >= at
    assert next_half_day(at, team) > at


def paris(text: str) -> datetime:
    """Return an instant in Paris."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(PARIS))


def team(hours: str, days: str = "01234", **dates: str) -> Calendar:
    """Return a team in Paris with the same hours on each of its days, and others on some days of March 2026."""
    week = dict.fromkeys((int(day) for day in days), parse_shifts(hours))
    own = {date(2026, 3, int(name[1:])): shifts(text) for name, text in dates.items()}
    return Calendar(PARIS, WorkingHours(week, own))


@pytest.mark.parametrize(
    ("calendar", "confirmed", "due"),
    [
        (team("09:00-12:30, 14:00-18:00"), "2026-03-04T11:30", "2026-03-04T17:00"),
        (team("09:00-12:30, 14:00-18:00"), "2026-03-04T13:00", "2026-03-04T18:00"),
        (team("22:00-06:00"), "2026-03-04T12:00", "2026-03-05T02:00"),
        (team("22:00-06:00"), "2026-03-07T05:00", "2026-03-10T01:00"),
        (team("00:00-24:00", "0123456"), "2026-03-04T23:00", "2026-03-05T03:00"),
        (team("09:00-18:00", d6="09:00-12:00"), "2026-03-06T10:00", "2026-03-09T11:00"),
        (team("09:00-18:00", d7="10:00-12:00"), "2026-03-06T17:00", "2026-03-09T10:00"),
        (team("09:00-18:00", d6=""), "2026-03-05T17:00", "2026-03-09T12:00"),
    ],
)
def test_four_working_hours(calendar: Calendar, confirmed: str, due: str) -> None:
    """Over a lunch break, a night, midnight, a half-day, a Saturday with hours of its own, a date without."""
    assert add_working(paris(confirmed), timedelta(hours=4), calendar) == paris(due)


def test_what_a_night_shift_works_after_midnight_is_the_morning_of_that_date() -> None:
    """Nobody is promised a call on Monday before 6 that comes on Tuesday."""
    half = half_day_after(paris("2026-03-05T02:00"), team("22:00-06:00"))
    assert (half.day, half.part, half.limit) == (date(2026, 3, 5), HalfDayPart.MORNING, paris("2026-03-05T06:00"))
    half = half_day_after(paris("2026-03-04T23:00"), team("22:00-06:00"))
    assert (half.day, half.part, half.limit) == (date(2026, 3, 4), HalfDayPart.AFTERNOON, paris("2026-03-05T00:00"))


def test_a_half_is_not_ended_by_a_break() -> None:
    """In the break of a morning, the next half-day is the afternoon; the morning's promise is its last closing."""
    breaks = team("08:00-10:00, 10:15-12:00, 14:00-18:00")
    assert next_half_day(paris("2026-03-04T10:05"), breaks) == paris("2026-03-04T14:00")
    assert half_day_after(paris("2026-03-04T10:00"), breaks).limit == paris("2026-03-04T12:00")


def test_the_countries_that_need_no_library_are_known_to_each() -> None:
    """A code that is taken without asking has public holidays and a name, so nothing else is found out later."""
    assert set(EntityLoader.get_country_codes()) >= COUNTRY_CODES
    assert countries() >= COUNTRY_CODES


def test_public_holidays_never_run_out() -> None:
    """France in ten years, Bavaria's own, a date beside them; and a date with hours of its own is worked."""
    off = DaysOff(frozenset({date(2036, 12, 24)}), "FR")
    assert [day in off for day in (date(2036, 7, 14), date(2036, 12, 24), date(2036, 7, 15))] == [True, True, False]
    assert date(2030, 1, 6) in DaysOff(country="DE", region="BY")
    assert date(2030, 1, 6) not in DaysOff(country="DE")
    assert len(public_holidays("FR", "", 2027)) == 11
    works = WorkingHours({0: parse_shifts("09:00-18:00")}, {date(2027, 5, 17): parse_shifts("09:00-12:00")})
    whit_monday = datetime(2027, 5, 17, 8, tzinfo=UTC)
    assert working_between(whit_monday, whit_monday + DAY, Calendar(PARIS, works, DaysOff(country="FR"))) == timedelta(
        hours=2
    )


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "write spans"),
        ("office", "write spans"),
        ("25:00-26:00", "write spans"),
        ("09:00-09:00", "00:00-24:00"),
        ("09:00-13:00, 12:00-18:00", "overlap"),
        ("22:00-06:00, 23:00-24:00", "overlap"),
        (",".join(["09:00-10:00"] * 13), "write spans"),
    ],
)
def test_hours_that_make_no_sense_are_refused(text: str, advice: str) -> None:
    """With a sentence that says what to write."""
    with pytest.raises(BadInput, match=advice):
        parse_shifts(text)


def test_nobody_ever_working_is_refused() -> None:
    """A calendar without hours would never find a due time."""
    with pytest.raises(BadInput, match="one day of the week"):
        WorkingHours({0: ()})
