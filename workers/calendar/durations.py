"""A wait as an operator writes it (P14D, 2w, now), and the instant at which it ends.

Always computed from the anchor, never chained: 30 November plus three months three times is not plus nine months.
Must not know what is waited for, nor move anything into a send window.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from workers.calendar.timezones import as_utc, instant_of, steady_offset, zone_info
from workers.errors import BadInput

_ISO = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?P<time>T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.ASCII | re.IGNORECASE,
)
_WORDS = re.compile(r"(?P<count>\d+)\s*(?P<unit>[a-z]+)", re.IGNORECASE)
_UNITS = {
    "years": ("y", "year", "years"),
    "months": ("month", "months"),
    "weeks": ("w", "week", "weeks"),
    "days": ("d", "day", "days"),
    "hours": ("h", "hour", "hours"),
    "minutes": ("min", "minute", "minutes"),
    "seconds": ("s", "sec", "second", "seconds"),
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words}
_LONGEST_YEARS = 100  # longer is a slip of the pen, and would leave the calendar that datetime can count
_END_OF_JANUARY = datetime(2026, 1, 31, tzinfo=UTC)
_DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Wait:
    """A span between an anchor and a due time: calendar months, then calendar days, then elapsed seconds."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    def __post_init__(self) -> None:
        if min(self.months, self.days, self.seconds) < 0:
            raise BadInput("A wait cannot be negative: it counts forward from the anchor.")
        if max(self.months / 12, self.days / 366, self.seconds / 86_400 / 366) > _LONGEST_YEARS:
            raise BadInput(f"A wait of more than {_LONGEST_YEARS} years is surely a slip: shorten it.")

    @property
    def shortest(self) -> timedelta:
        """How long it lasts from a last day of January on, when its months are as short as they can be."""
        return add_wait(_END_OF_JANUARY, self, "UTC") - _END_OF_JANUARY

    @property
    def longest(self) -> timedelta:
        """How long it lasts at most, by the clock alone: each month counts as one of 31 days."""
        return timedelta(days=self.months * 31 + self.days, seconds=self.seconds)

    def iso(self) -> str:
        """Return the wait as an ISO 8601 duration, which `parse_wait` reads back as an equal wait; none is PT0S."""
        minutes, seconds = divmod(self.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        date = _parts((self.months, "M"), (self.days, "D"))
        time = _parts((hours, "H"), (minutes, "M"), (seconds, "S"))
        return "P" + date + (f"T{time}" if time else "") if date or time else "PT0S"


def _parts(*counted: tuple[int, str]) -> str:
    return "".join(f"{count}{letter}" for count, letter in counted if count)


def parse_wait(text: str) -> Wait:
    """Read `now`, an ISO 8601 duration of whole numbers (P14D, PT4H, P1Y) or a count and a unit (2w, 14 days).

    Raises BadInput with a sentence for whoever wrote the cell.
    """
    return _read_wait(text.strip())


@lru_cache(1_024)
def _read_wait(cleaned: str) -> Wait:
    """Read a wait without blanks around it; each is read once, because every question that is asked has some."""
    if cleaned.lower() == "now":
        return Wait()
    counts = _iso_counts(cleaned) or _worded_counts(cleaned)
    if counts is None:
        raise BadInput(_why_not(cleaned))
    years, months, weeks, days, hours, minutes, seconds = (counts.get(unit, 0) for unit in _UNITS)
    return Wait(years * 12 + months, weeks * 7 + days, hours * 3600 + minutes * 60 + seconds)


def _iso_counts(text: str) -> dict[str, int] | None:
    match = _ISO.fullmatch(text)
    if match is None or (match["time"] or "").upper() == "T":
        return None
    return {unit: _count(match[unit]) for unit in _UNITS if match[unit] is not None} or None


def _worded_counts(text: str) -> dict[str, int] | None:
    match = _WORDS.fullmatch(text)
    unit = _UNIT_OF.get(match["unit"].lower()) if match else None
    return {unit: _count(match["count"])} if match and unit else None


def _count(digits: str) -> int:
    # Python refuses to convert thousands of digits; anything this long is refused for its length anyway.
    return int(digits) if len(digits) < 12 else 10**12


def _why_not(text: str) -> str:
    shown = repr(text[:40])
    if not text:
        return "The wait is empty: write now, P14D, PT4H, 2w or 14 days."
    if "-" in text or "−" in text:
        return f"The wait {shown} is negative: it counts forward from the anchor, so drop the minus sign."
    if re.search(r"\d[.,]\d", text):
        return f"The wait {shown} is not a whole number: write a smaller unit, such as PT36H for a day and a half."
    if re.fullmatch(r"\d+\s*m", text, re.IGNORECASE):
        return f"The wait {shown} may mean minutes or months: write 3 min or P3M."
    if re.fullmatch(r"\d+", text):
        return f"The wait {shown} has no unit: write {text[:12]} days, {text[:12]} hours or P{text[:12]}D."
    return f"The wait {shown} cannot be read: write now, P14D, PT4H, P3M, 2w or 14 days."


def add_wait(anchor: datetime, wait: Wait, zone: str) -> datetime:
    """Return the UTC instant at which a wait counted from `anchor` ends, as clocks in `zone` show it.

    1. Months: the same day of the month, else its last day (31 January + 1 month = end of February).
    2. Days: that many calendar days on, at the same wall time, whatever the clocks did in between.
    3. The wall time becomes an instant (`instant_of`: the first of two, past a gap by its length).
    4. Seconds: exact elapsed time.
    Raises BadInput for an unknown zone or an end outside the calendar, ValueError for an anchor without a zone.
    """
    if anchor.tzinfo is not UTC:
        anchor = as_utc(anchor)
    try:
        if wait.months or wait.days:
            anchor = _on_a_later_day(anchor, wait, zone)
        return anchor + timedelta(0, wait.seconds) if wait.seconds else anchor
    except (OverflowError, ValueError):
        raise BadInput(f"{anchor.isoformat()} plus {wait.iso()} leaves the calendar: check the date.") from None


def _on_a_later_day(anchor: datetime, wait: Wait, zone: str) -> datetime:
    """Return the instant so many months and days after one in UTC; where no clock changes, without asking the zone."""
    offset = steady_offset(anchor.toordinal(), zone)
    if offset is not None:
        wall = _on_the_wall(anchor + offset, wait)
        offset = steady_offset(wall.toordinal(), zone)
        if offset is not None:
            return wall - offset
    info = zone_info(zone)
    return instant_of(_on_the_wall(anchor.astimezone(info), wait), info)


def _on_the_wall(wall: datetime, wait: Wait) -> datetime:
    """Return a wall time so many months and days later."""
    if wait.months:
        wall = _months_on(wall, wait.months)
    return wall + timedelta(wait.days) if wait.days else wall


def _months_on(wall: datetime, months: int) -> datetime:
    years, month = divmod(wall.month - 1 + months, 12)
    year = wall.year + years
    last = 29 if month == 1 and (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)) else _DAYS_IN_MONTH[month]
    return wall.replace(year=year, month=month + 1, day=min(wall.day, last))
