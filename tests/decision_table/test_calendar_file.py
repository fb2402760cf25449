"""calendar.yaml: hours as teams write them, public holidays by country, and a sentence for what cannot be read."""

from datetime import date, time

import pytest

from workers.calendar import Shift
from workers.decision_table import Unreadable, load_calendar, load_contrary, load_waves

HEAD = "zone: Europe/Paris\n"


def week(text: str) -> dict[int, list[tuple[time, time]]]:
    """Return the shifts of each day of the week."""
    hours = load_calendar((HEAD + text).encode()).hours.week
    return {day: [(shift.opens, shift.closes) for shift in shifts] for day, shifts in hours.items() if shifts}


NINE, NOON, TWO, SIX = time(9), time(12), time(14), time(18)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("working_days: [mon, sat]\nworking_hours: 09:00-12:00, 14:00-18:00", {0: "lunch", 5: "lunch"}),
        ("working_days: [mon]\nworking_hours: [09:00-12:00, 14:00-18:00]", {0: "lunch"}),
        ("working_hours: {mon-tue: '09:00-12:00, 14:00-18:00', fri: 09:00-12:00}", {0: "lunch", 1: "lunch", 4: "half"}),
        ("working_hours:\n  sat-mon: 22:00-06:00\n  tue: closed", {5: "night", 6: "night", 0: "night"}),
        ("working_days: [sun]\nworking_hours: 00:00-24:00", {6: "all"}),
    ],
)
def test_hours_are_read_as_they_are_written(text: str, expected: dict[int, str]) -> None:
    """Breaks, lists, by day or by range of days, nights, round the clock."""
    kinds = {
        "lunch": [(NINE, NOON), (TWO, SIX)],
        "half": [(NINE, NOON)],
        "night": [(time(22), time(6))],
        "all": [(time(0), time(0))],
    }
    assert week(text) == {day: kinds[kind] for day, kind in expected.items()}


def test_a_country_gives_its_holidays_and_dates_stand_beside_it() -> None:
    """The next years as well; hours of single dates are read with them."""
    dates = "holidays: {2030-12-24: closed}\nhours_on:\n  2030-12-31: 09:00-12:00\n"
    calendar = load_calendar(f"{HEAD}working_days: [mon]\ncountry: fr\n{dates}".encode())
    assert all(day in calendar.days_off for day in (date(2030, 12, 25), date(2041, 7, 14), date(2030, 12, 24)))
    assert calendar.hours.on(date(2030, 12, 31), calendar.days_off) == (Shift(NINE, NOON),)
    assert calendar.opens_on(date(2030, 12, 31)) == NINE
    norway = load_calendar(f"{HEAD}working_days: [mon]\ncountry: NO\n".encode())
    assert date(2030, 5, 17) in norway.days_off, "NO is Norway, not a refusal"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("working_days: [mon]\ncountry: XX", "ISO code such as FR"),
        ("working_days: [mon]\ncountry: DE\nregion: ZZ", "there are"),
        ("working_days: [mon]\nregion: BY", "goes with a country"),
        ("working_days: [mon]\nworking_hours: 09:00-12:00, 11:00-18:00", "overlap"),
        ("working_days: [mon]\nworking_hours: {mon: 09:00-12:00, tue: 09:00-12:00}", "leave working_days out"),
        ("working_hours: {mon-tue: 09:00-12:00, tue: 09:00-12:00}", "twice"),
        ("working_hours: {someday: 09:00-12:00}", "names no day"),
        ("working_hours: {mon: closed}", "one day at least"),
        ("working_days: [mon]\nhours_on: {soon: 09:00-12:00}", "hours_on"),
        ("working_days: [mon]\nhours_on: {2030-12-31: noon}", "2030-12-31"),
        ("working_hours: 09:00-18:00", "working_days must be a list"),
    ],
)
def test_what_cannot_be_read_says_what_to_write(text: str, says: str) -> None:
    """One sentence for whoever edits the file; the live one goes on."""
    with pytest.raises(Unreadable, match=says):
        load_calendar((HEAD + text).encode())


@pytest.mark.parametrize(
    ("text", "calls"), [("", 0), ("calls_a_day:", 0), ("calls_a_day: 8", 8), ("calls_a_day: 500", 500)]
)
def test_calls_a_day_are_read_and_none_is_said_by_nothing(text: str, calls: int) -> None:
    """A team that says nothing has no figure, and nothing waits for it."""
    assert load_calendar(f"{HEAD}working_days: [mon]\n{text}".encode()).calls_a_day == calls


@pytest.mark.parametrize("text", ["0", "-1", "501", "8.5", "some", "[8]", "{}", "true", "\u0668"])
def test_calls_a_day_that_are_no_number_of_calls_are_told(text: str) -> None:
    """Whatever stands there: the sentence says what belongs there."""
    with pytest.raises(Unreadable, match=r"calls_a_day .* is not the number of calls that one agent makes"):
        load_calendar(f"{HEAD}working_days: [mon]\ncalls_a_day: {text}".encode())


def test_every_fault_of_a_file_is_told_at_once() -> None:
    """Keys, zone, country, days and dates: one correction is enough; of the other small files every row."""
    wrong = (
        "zone: Paris\nworkingdays: [mon]\nnotes: x\ncountry: XX\nworking_days: [monday, someday]\n"
        "holidays: {2026-13-01: a, 31.12.: b}\nhours_on: {soon: 09:00-12:00, 2026-12-24: 9 to never}\n"
        "working_hours: {mon: 25:00-26:00, someday: 09:00-12:00}\n"
    )
    with pytest.raises(Unreadable) as raised:
        load_calendar(wrong.encode())
    for each in (
        *("'workingdays'", "'notes'", "'Paris'", "'XX'", "2026-13-01", "31.12.", "soon", "9 to never"),
        *("25:00-26:00", "'someday' names no day"),
    ):
        assert each in str(raised.value), each
    contrary = b"event;effect;scope;until\n;hold;customer;\nrefund;stop;everybody;\nx;hold;customer;y +soon\n"
    with pytest.raises(Unreadable) as raised:
        load_contrary(contrary)
    for each in ("row 2: name", "row 3, effect", "row 3, scope", "row 4, until"):
        assert each in str(raised.value), each
    with pytest.raises(Unreadable) as raised:
        load_waves(b"date;name\nsoon;a\n2026-02-30;b\n")
    assert "row 2" in str(raised.value)
    assert "row 3" in str(raised.value)
