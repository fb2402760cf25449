"""Waits: what an operator may write, and when a wait ends in every zone of the world."""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.calendar import Wait, add_wait, instant_of, known_zone, parse_wait
from workers.errors import BadInput

PARIS = ZoneInfo("Europe/Paris")
ZONES = sorted(name for name in zoneinfo.available_timezones() if known_zone(name))
WAITS = st.builds(Wait, st.integers(0, 1200), st.integers(0, 36_600), st.integers(0, 100 * 366 * 86_400))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def changes_of(zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the instants between 2010 and 2030 at which the offset of a zone changes, seen from UTC only."""
    at, offset = utc("2010-01-01"), None
    while at < utc("2030-01-01"):
        following = at.astimezone(zone).utcoffset()
        if offset is not None and following != offset:
            low, high = at - timedelta(days=7), at
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
            yield high.replace(microsecond=0)
        offset = following
        at += timedelta(days=7)


def meaning_of(wall: datetime, change: datetime, zone: ZoneInfo) -> datetime:
    """Return what a wall time near a clock change means, found without any conversion from wall time to UTC."""
    before = (change - timedelta(seconds=1)).astimezone(zone).utcoffset() or timedelta()
    after = change.astimezone(zone).utcoffset() or timedelta()
    candidates = sorted(wall.replace(tzinfo=UTC) - offset for offset in (before, after))
    existing = [candidate for candidate in candidates if candidate.astimezone(zone).replace(tzinfo=None) == wall]
    # In a gap the clock runs on as if nobody had touched it.
    return existing[0] if existing else wall.replace(tzinfo=UTC) - before


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("now", Wait()),
        ("NOW ", Wait()),
        ("PT0S", Wait()),
        ("P14D", Wait(days=14)),
        ("p14d", Wait(days=14)),
        ("P2W", Wait(days=14)),
        ("P3M", Wait(months=3)),
        ("P1Y", Wait(months=12)),
        ("P24M", Wait(months=24)),
        ("PT4H", Wait(seconds=14_400)),
        ("PT90M", Wait(seconds=5_400)),
        ("P1Y2M1W3DT4H5M6S", Wait(14, 10, 14_706)),
        ("2w", Wait(days=14)),
        ("14 days", Wait(days=14)),
        ("1 day", Wait(days=1)),
        ("14\u00a0days", Wait(days=14)),
        ("3 Months", Wait(months=3)),
        ("36h", Wait(seconds=129_600)),
        ("30 min", Wait(seconds=1_800)),
        ("1 year", Wait(months=12)),
        ("0 days", Wait()),
    ],
)
def test_a_wait_is_read_as_people_write_it(text: str, wait: Wait) -> None:
    """ISO 8601 durations, a count with a unit, and `now` are understood."""
    assert parse_wait(text) == wait


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("14", "no unit"),
        ("3m", "minutes or months"),
        ("-P1D", "negative"),
        ("P-1D", "negative"),
        ("1.5 days", "whole number"),
        ("P0,5D", "whole number"),
        ("P", "cannot be read"),
        ("PT", "cannot be read"),
        ("P1DT", "cannot be read"),
        ("P1H", "cannot be read"),
        ("4D", None),
        ("fortnight", "cannot be read"),
        ("2 jours", "cannot be read"),
        ("P1D P1D", "cannot be read"),
        ("P٣D", "cannot be read"),
        ("P101Y", "more than 100 years"),
        ("99999 days", "more than 100 years"),
        ("P" + "9" * 5000 + "D", "more than 100 years"),
        ("9" * 5000, "no unit"),
    ],
)
def test_an_unreadable_wait_says_what_to_write(text: str, hint: str | None) -> None:
    """What cannot be read, or is no sensible wait, is refused in a short sentence that names the way out."""
    if hint is None:
        assert parse_wait(text) == Wait(days=4)
        return
    with pytest.raises(BadInput, match=hint) as refused:
        parse_wait(text)
    assert len(str(refused.value)) < 200


@settings(deadline=None)
@given(st.one_of(st.text(max_size=30), st.text("PTYMWDHS0123456789 daysmonth.-", max_size=12)))
def test_any_text_is_a_wait_or_a_refusal(text: str) -> None:
    """No cell content breaks the reader in another way than a refusal."""
    try:
        wait = parse_wait(text)
    except BadInput:
        return
    assert parse_wait(wait.iso()) == wait


@given(WAITS)
def test_iso_text_and_wait_are_one(wait: Wait) -> None:
    """Writing a wait and reading it back gives the same wait."""
    assert parse_wait(wait.iso()) == wait


def test_a_negative_wait_cannot_be_made() -> None:
    """Waits count forward, also those that code builds."""
    with pytest.raises(BadInput, match="negative"):
        Wait(days=-1)


@pytest.mark.parametrize(
    ("anchor", "wait", "end"),
    [
        ("2026-01-31T10:00", "P1M", "2026-02-28T10:00"),
        ("2028-01-31T10:00", "P1M", "2028-02-29T10:00"),
        ("2099-01-31T10:00", "P13M", "2100-02-28T10:00"),
        ("2028-02-29T10:00", "P1Y", "2029-02-28T10:00"),
        ("2025-11-30T10:00", "P3M", "2026-02-28T10:00"),
        ("2025-11-30T10:00", "P6M", "2026-05-30T10:00"),
        ("2025-11-30T10:00", "P12M", "2026-11-30T10:00"),
        ("2025-12-31T10:00", "P24M", "2027-12-31T10:00"),
        ("2026-03-28T10:00", "P1D", "2026-03-29T10:00"),
        ("2026-02-20T10:00", "P42D", "2026-04-03T10:00"),
        ("2026-03-28T12:00", "PT24H", "2026-03-29T13:00"),
        ("2026-01-31T23:30", "P1M1D", "2026-03-01T23:30"),
        ("2026-03-28T02:30", "P1D", "2026-03-29T03:30"),
        ("2026-03-28T02:30", "P1DT1H", "2026-03-29T04:30"),
    ],
)
def test_a_wait_ends_at_the_same_wall_time(anchor: str, wait: str, end: str) -> None:
    """Months and days keep the wall time of Paris, also over a clock change; seconds are elapsed time."""
    assert add_wait(paris(anchor).astimezone(UTC), parse_wait(wait), "Europe/Paris") == paris(end).astimezone(UTC)


def test_a_wall_time_that_comes_twice_means_the_first() -> None:
    """On the night when clocks go back, 02:30 is the one before the change."""
    assert add_wait(paris("2026-10-24T02:30"), Wait(days=1), "Europe/Paris") == utc("2026-10-25T00:30")
    assert instant_of(datetime(2026, 10, 25, 2, 30, tzinfo=PARIS, fold=1), PARIS) == utc("2026-10-25T00:30")


def test_an_anchor_in_the_second_of_two_hours_counts_as_its_wall_time() -> None:
    """Counted from the second 02:30, a day on it is 02:30, and on the same night next year it is the first 02:30."""
    second = utc("2026-10-25T01:30")
    assert add_wait(second, Wait(days=1), "Europe/Paris") == utc("2026-10-26T01:30")
    assert add_wait(second, Wait(days=371), "Europe/Paris") == utc("2027-10-31T00:30")
    assert add_wait(second, Wait(), "Europe/Paris") == second


def test_a_date_that_never_was_moves_to_the_next() -> None:
    """Samoa skipped 30 December 2011: what was due then is due a day later at the same wall time."""
    apia = ZoneInfo("Pacific/Apia")
    anchor = datetime(2011, 12, 29, 12, tzinfo=apia).astimezone(UTC)
    assert add_wait(anchor, Wait(days=1), "Pacific/Apia") == datetime(2011, 12, 31, 12, tzinfo=apia).astimezone(UTC)


def test_every_zone_has_its_clock_changes_right() -> None:
    """Around each clock change of each zone from 2010 to 2030, the promised instant is met."""
    seen = 0
    for name in ZONES:
        zone = ZoneInfo(name)
        for change in changes_of(zone):
            wall_before = (change - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) + timedelta(seconds=1)
            wall_after = change.astimezone(zone).replace(tzinfo=None)
            seen += 1
            middle = wall_before + (wall_after - wall_before) / 2
            near = (wall_before, wall_after, middle, middle - timedelta(hours=5), middle + timedelta(hours=5))
            for wall in near:
                anchor = instant_of(wall - timedelta(days=9), zone)
                if anchor.astimezone(zone).replace(tzinfo=None) != wall - timedelta(days=9):
                    continue  # the anchor itself fell into another gap
                assert add_wait(anchor, Wait(days=9), name) == meaning_of(wall, change, zone), (name, wall)
    assert seen > 5_000  # else the changes were not found, and the test proves nothing


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 70 * 366 * 86_400).map(lambda second: utc("1990-01-01") + timedelta(seconds=second)),
    st.builds(Wait, st.integers(0, 30), st.integers(0, 400), st.integers(0, 10**6)),
    st.sampled_from(ZONES),
)
def test_a_wait_ends_after_its_anchor_with_the_wall_time_kept(anchor: datetime, wait: Wait, zone: str) -> None:
    """The end is in UTC, never before the anchor by more than a clock change, and the wall time is kept or shifted."""
    end = add_wait(anchor, wait, zone)
    assert end.tzinfo is UTC
    assert end >= anchor - timedelta(days=1)
    whole_days = add_wait(anchor, Wait(wait.months, wait.days), zone)
    assert end - whole_days == timedelta(seconds=wait.seconds)
    info = ZoneInfo(zone)
    start, landed = anchor.astimezone(info), whole_days.astimezone(info)
    if wait.months == 0 and landed.time() == start.time():
        assert timedelta() <= landed.date() - start.date() - timedelta(wait.days) <= timedelta(days=1)


def test_an_anchor_may_come_in_any_zone() -> None:
    """The same instant gives the same end, however it is written; the answer is in UTC."""
    anchor = utc("2026-03-28T23:30")
    for wait in (Wait(days=1), Wait(seconds=7_200), Wait()):
        end = add_wait(anchor.astimezone(ZoneInfo("America/New_York")), wait, "Europe/Paris")
        assert (end, end.tzinfo) == (add_wait(anchor, wait, "Europe/Paris"), UTC)


def test_what_is_no_instant_or_no_date_is_refused() -> None:
    """A time without a zone is a fault of the caller; an end beyond the calendar is bad input, in a sentence."""
    with pytest.raises(ValueError, match="no zone"):
        add_wait(datetime(2026, 1, 1), Wait(), "UTC")  # noqa: DTZ001 - the fault under test
    for wait in (Wait(days=400), Wait(months=13), Wait(seconds=400 * 86_400)):
        with pytest.raises(BadInput, match="leaves the calendar"):
            add_wait(utc("9999-06-01"), wait, "UTC")
    with pytest.raises(BadInput, match="leaves the calendar"):
        add_wait(datetime.min.replace(tzinfo=UTC), Wait(days=1), "America/New_York")


@given(st.integers(0, 33_000), st.integers(0, 24), st.integers(0, 700))
def test_a_wait_lasts_between_its_shortest_and_its_longest(day: int, months: int, days: int) -> None:
    """From whatever day it is counted; tables are checked with the one, and turns are counted with the other."""
    anchor, wait = utc("2000-01-01") + timedelta(days=day), Wait(months, days, 3_600)
    assert wait.shortest <= add_wait(anchor, wait, "UTC") - anchor <= wait.longest


@pytest.mark.parametrize(
    "zone", ["Europe/Paris", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Asia/Gaza"]
)
def test_days_near_a_change_of_the_clocks_are_what_the_zone_says(zone: str) -> None:
    """Where no clock changes a wait is counted without asking the zone; nobody sees where that begins and ends."""
    info = ZoneInfo(zone)
    for change in changes_of(info):
        for hours in range(-96, 97, 5):
            anchor = change + timedelta(hours=hours)
            for days in (1, 2, 7):
                expected = instant_of(anchor.astimezone(info) + timedelta(days), info)
                assert add_wait(anchor, Wait(days=days), zone) == expected
