"""Send windows: how they are written, and the next moment at which one may send."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.calendar import SendWindow, next_in_window, parse_window
from workers.errors import BadInput

OFFICE = parse_window("mon-fri 09:00-18:00")
ZONES = ["Europe/Paris", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu", "Australia/Lord_Howe",
         "America/Santiago", "Pacific/Apia", "Africa/Casablanca", "Asia/Beirut"]  # fmt: skip
QUARTER = timedelta(minutes=15)
HOURS = st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda pair: pair[0] < pair[1])


def local(text: str, zone: str = "Europe/Paris") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "days", "opens", "closes"),
    [
        ("mon-fri 09:00-18:00", {0, 1, 2, 3, 4}, time(9), time(18)),
        ("Mon-Fri 9-18", {0, 1, 2, 3, 4}, time(9), time(18)),
        ("mon,wed,sat 10:30 – 16:45", {0, 2, 5}, time(10, 30), time(16, 45)),
        ("fri-mon 08:00-24:00", {4, 5, 6, 0}, time(8), time(0)),
        ("mon-thu,sat 0-24", {0, 1, 2, 3, 5}, time(0), time(0)),
        ("mon-mon 12-13", {0}, time(12), time(13)),
        ("sun 12-13", {6}, time(12), time(13)),
    ],
)
def test_a_window_is_read_as_people_write_it(text: str, days: set[int], opens: time, closes: time) -> None:
    """Days and hours are understood, and written back they mean the same."""
    window = parse_window(text)
    assert window == SendWindow(frozenset(days), opens, closes)
    assert parse_window(window.text()) == window


def test_always_is_a_window() -> None:
    """`always` sends at any time, on a Sunday night and on a holiday."""
    window = parse_window("Always")
    at = local("2026-03-08T03:00")
    assert next_in_window(at, window, "Europe/Paris", frozenset({date(2026, 3, 8)})) == at
    assert parse_window(window.text()) == window


@pytest.mark.parametrize(
    "text",
    ["", "mon-fri", "09:00-18:00", "lundi 9-18", "mon- 9-18", "mon-fri 18:00-09:00", "mon 9-9", "mon 9-25",
     "mon 9:60-18", "mon 24-24", "mon 24:00-24:30", "mon 9-18 x", ", 9-18"],
)  # fmt: skip
def test_an_unreadable_window_is_refused_in_a_sentence(text: str) -> None:
    """A fault in a window names an example of what to write."""
    with pytest.raises(BadInput, match=r"mon-fri 09:00-18:00|closes before it opens"):
        parse_window(text)


def test_a_window_without_days_cannot_be_made() -> None:
    """A window that never opens is refused, also when code builds it."""
    with pytest.raises(BadInput, match="at least one day"):
        SendWindow(frozenset())


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-06T10:00", "2026-03-06T10:00"),
        ("2026-03-06T09:00", "2026-03-06T09:00"),
        ("2026-03-06T08:59", "2026-03-06T09:00"),
        ("2026-03-06T18:00", "2026-03-09T09:00"),
        ("2026-03-07T12:00", "2026-03-09T09:00"),
        ("2026-04-03T19:00", "2026-04-07T09:00"),
    ],
)
def test_outside_the_window_the_next_opening_is_taken(at: str, expected: str) -> None:
    """Inside, an instant stays; nights, week-ends and holidays move it to the next opening."""
    easter = frozenset({date(2026, 4, 6)})
    assert next_in_window(local(at), OFFICE, "Europe/Paris", easter) == local(expected)


def test_the_weekday_is_the_customers() -> None:
    """Monday 07:00 in Auckland is Sunday in UTC; Friday 20:00 UTC is Friday afternoon in New York."""
    assert next_in_window(local("2026-03-09T07:00", "Pacific/Auckland"), OFFICE, "Pacific/Auckland") == local(
        "2026-03-09T09:00", "Pacific/Auckland"
    )
    friday = datetime(2026, 3, 6, 20, tzinfo=UTC)
    assert next_in_window(friday, OFFICE, "America/New_York") == friday
    assert next_in_window(friday, OFFICE, "Europe/Paris") == local("2026-03-09T09:00")


def test_an_opening_in_a_gap_is_just_after_it() -> None:
    """Where clocks jump from 02:00 to 03:00, a window from 02:00 opens at 03:00."""
    window = parse_window("sun 02:00-10:00")
    assert next_in_window(local("2026-03-29T00:30"), window, "Europe/Paris") == local("2026-03-29T03:00")


def test_a_window_that_a_gap_swallows_waits_for_the_next_day() -> None:
    """Samoa had no 30 December 2011: Friday's window is not lent to the Saturday that followed."""
    apia = "Pacific/Apia"
    at = local("2011-12-29T20:00", apia)
    assert next_in_window(at, OFFICE, apia) == local("2012-01-02T09:00", apia)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 19 * 366 * 96).map(lambda quarter: datetime(2011, 1, 1, tzinfo=UTC) + quarter * QUARTER),
    st.sets(st.integers(0, 6), min_size=1),
    HOURS,
    st.sampled_from(ZONES),
    st.sets(st.integers(0, 10), max_size=4),
)
def test_the_next_moment_agrees_with_trying_every_quarter_of_an_hour(
    at: datetime, days: set[int], hours: tuple[int, int], zone: str, holidays: set[int]
) -> None:
    """No earlier quarter of an hour is open, the answer is open, and asking again changes nothing."""
    info = ZoneInfo(zone)
    closed = frozenset(at.date() + timedelta(day) for day in holidays)
    window = SendWindow(frozenset(days), time(hours[0]), time(hours[1] % 24))

    def is_open(moment: datetime) -> bool:
        wall = moment.astimezone(info)
        return wall.weekday() in days and wall.date() not in closed and hours[0] <= wall.hour < hours[1]

    answer = next_in_window(at, window, zone, closed)
    tried = at
    while not is_open(tried):
        tried += QUARTER
    assert answer == tried
    assert next_in_window(answer, window, zone, closed) == answer
    assert answer.tzinfo is UTC
