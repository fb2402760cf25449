"""The kinds of value a column can hold, and how each is read, written and laid out on one line.

Every ordered kind maps to a position (an int or a Decimal), so that intervals need no knowledge of the kind.
Must not know cells, rows or hit policies.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workers.calendar.durations import Wait, parse_wait
from workers.errors import BadInput

Scalar = str | bool | int | Decimal | timedelta | date | datetime | time | Wait
Value = Scalar | float | None
Position = int | Decimal
"""Where a value lies on the line of its kind; an ordered text lies at itself, and is only ever compared."""


class Kind(StrEnum):
    """What a column holds. WAIT stands in outputs only, because a calendar wait has no fixed length.

    Texts are equal or not; ordered ones also stand before and after each other, sign by sign (Unicode), as in FEEL.
    """

    INTEGER = "integer"
    NUMBER = "number"
    DURATION = "duration"
    MONTHS = "months"
    DATE = "date"
    MOMENT = "date and time"
    TIME = "time"
    TEXT = "text"
    ORDERED_TEXT = "ordered text"
    BOOLEAN = "boolean"
    WAIT = "wait"


# Between two neighbours of these kinds lies nothing: 6 and 7 leave no gap.
WHOLE_STEPS = frozenset({Kind.INTEGER, Kind.MONTHS, Kind.DATE})
ORDERED = frozenset(
    {
        Kind.INTEGER,
        Kind.NUMBER,
        Kind.DURATION,
        Kind.MONTHS,
        Kind.DATE,
        Kind.MOMENT,
        Kind.TIME,
        Kind.ORDERED_TEXT,
    }
)
MICROSECONDS_A_DAY = 86_400_000_000
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_NUMBER = 100  # signs; Python refuses to write a whole number of some thousand digits
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  naive on purpose: wall times are compared with wall times

_ISO_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)
_WORDED_DURATION = re.compile(r"(?P<count>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]+)", re.IGNORECASE | re.ASCII)
_UNIT_DAYS = {
    **dict.fromkeys(("w", "week", "weeks"), timedelta(weeks=1)),
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
    **dict.fromkeys(("h", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("min", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("s", "sec", "second", "seconds"), timedelta(seconds=1)),
}
_CALENDAR_WORDS = {"month": 1, "months": 1, "y": 12, "year": 12, "years": 12}


def parse_number(text: str) -> int | Decimal:
    """Read a decimal number; a whole one becomes an int. Raises BadInput."""
    if len(text) > _LONGEST_NUMBER or not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", text, re.ASCII):
        raise BadInput(f"{text[:40]!r} is not a number.")
    return whole_if_whole(Decimal(text))


def whole_if_whole(number: Decimal) -> int | Decimal:
    """Return the int that equals a whole Decimal, else the Decimal without trailing zeros. Raises BadInput for NaN."""
    if not number.is_finite():
        raise BadInput(f"{number} is not a number that can be compared.")
    return int(number) if number == number.to_integral_value() else number.normalize()


def parse_duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of days and time, or a count and a unit (28d, 2 weeks). Raises BadInput.

    Months and years are refused: they have no fixed length, so that nothing can be compared with them.
    """
    cleaned = text.strip()
    match = _ISO_DURATION.fullmatch(cleaned)
    if match and cleaned[-1] not in "PT":
        if match["years"] or match["months"]:
            raise BadInput(f"{cleaned} is a calendar wait without a fixed length: write days, such as P30D.")
        return _length(match)
    worded = _WORDED_DURATION.fullmatch(cleaned)
    unit = worded["unit"].lower() if worded else ""
    if worded and unit in _UNIT_DAYS:
        return _UNIT_DAYS[unit] * float(worded["count"]) if "." in worded["count"] else _scaled(worded["count"], unit)
    if unit in _CALENDAR_WORDS:
        raise BadInput(f"{cleaned} is a calendar wait without a fixed length: write days, such as 30d.")
    raise BadInput(f"{cleaned[:40]!r} is not a duration: write 28d, 2w, PT4H or P28D.")


def _length(match: re.Match[str]) -> timedelta:
    try:
        length = timedelta(
            weeks=int(match["weeks"] or 0),
            days=int(match["days"] or 0),
            hours=int(match["hours"] or 0),
            minutes=int(match["minutes"] or 0),
            microseconds=int(Decimal(match["seconds"] or 0) * 1_000_000),
        )
    except (OverflowError, ValueError):
        raise BadInput(f"{match[0][:24]} is longer than any calendar: write a shorter duration.") from None
    return -length if match["sign"] else length


def _scaled(count: str, unit: str) -> timedelta:
    if len(count) > 9:
        raise BadInput(f"{count[:12]}... {unit} is longer than any calendar: write a shorter duration.")
    try:
        return _UNIT_DAYS[unit] * int(count)
    except OverflowError:
        raise BadInput(f"{count} {unit} is longer than any calendar: write a shorter duration.") from None


def parse_months(text: str) -> int:
    """Read an ISO 8601 duration of years and months as a number of months. Raises BadInput."""
    match = _ISO_DURATION.fullmatch(text.strip())
    if not match or not (match["years"] or match["months"]) or match["weeks"] or match["days"] or "T" in text:
        raise BadInput(f"{text[:40]!r} is not a duration of years and months, such as P1Y6M.")
    count = int(match["years"] or 0) * 12 + int(match["months"] or 0)
    return -count if match["sign"] else count


def parse_date(text: str) -> date:
    """Read an ISO 8601 calendar date. Raises BadInput."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip(), re.ASCII):
            return date.fromisoformat(text.strip())
    except ValueError:
        pass
    raise BadInput(f"{text[:40]!r} is not a date, such as 2026-01-31.")


def parse_moment(text: str) -> datetime:
    """Read an ISO 8601 date and time, with or without an offset or `@Zone/Name`. Raises BadInput."""
    plain, _, zone = text.strip().partition("@")
    try:
        if re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", plain, re.ASCII):
            moment = datetime.fromisoformat(_short_fraction(plain))
            return moment.replace(tzinfo=ZoneInfo(zone)) if zone else moment
        if re.fullmatch(r"\d{4}-\d\d-\d\d", plain, re.ASCII) and not zone:
            return datetime.fromisoformat(plain)
    except (ValueError, ZoneInfoNotFoundError):
        pass
    raise BadInput(f"{text[:40]!r} is not a date and time, such as 2026-01-31T09:00:00.")


def parse_time(text: str) -> time:
    """Read an ISO 8601 time of day, with or without an offset. Raises BadInput."""
    try:
        if re.match(r"\d\d:\d\d:\d\d", text.strip(), re.ASCII):
            return time.fromisoformat(_short_fraction(text.strip()))
    except ValueError:
        pass
    raise BadInput(f"{text[:40]!r} is not a time of day, such as 09:00:00.")


def _short_fraction(text: str) -> str:
    return re.sub(r"(\.\d{6})\d+", r"\1", text)


def parse_scalar(kind: Kind, text: str) -> Scalar:
    """Read one value of a kind from plain text. Raises BadInput with a sentence."""
    if kind is Kind.ORDERED_TEXT:
        return text
    cleaned = text.strip()
    if kind is Kind.BOOLEAN:
        return _parse_boolean(cleaned)
    if kind is Kind.INTEGER:
        number = parse_number(cleaned)
        if isinstance(number, int):
            return number
        raise BadInput(f"{cleaned} is not a whole number.")
    readers = {
        Kind.NUMBER: parse_number,
        Kind.DURATION: parse_duration,
        Kind.MONTHS: parse_months,
        Kind.DATE: parse_date,
        Kind.MOMENT: parse_moment,
        Kind.TIME: parse_time,
        Kind.WAIT: parse_wait,
    }
    reader = readers.get(kind)
    return reader(cleaned) if reader else cleaned


def _parse_boolean(text: str) -> bool:
    if text.lower() in ("true", "yes"):
        return True
    if text.lower() in ("false", "no"):
        return False
    raise BadInput(f"{text[:40]!r} is neither true nor false.")


def position_of(kind: Kind, value: Value) -> Position:
    """Return where a value lies on the line of its kind. Raises BadInput when it is not of that kind.

    Durations and times count in microseconds, dates in days, months in months; a bare number in a duration column
    counts days.
    """
    if isinstance(value, bool) or value is None:
        raise BadInput(f"{show(value)} is not {_article(kind)}.")
    if kind is Kind.ORDERED_TEXT and isinstance(value, str):
        return cast("Position", value)
    if isinstance(value, str):
        value = parse_scalar(kind, value)
    if isinstance(value, float):
        value = _decimal(value)
    if kind in (Kind.INTEGER, Kind.NUMBER) and isinstance(value, int | Decimal):
        number = value if isinstance(value, int) else whole_if_whole(value)
        if kind is Kind.NUMBER or isinstance(number, int):
            return number
        raise BadInput(f"{value} is not a whole number.")
    if kind is Kind.MONTHS and isinstance(value, int):
        return value
    if kind is Kind.DURATION and isinstance(value, timedelta):
        return value // _MICROSECOND
    if kind is Kind.DURATION and isinstance(value, int | Decimal):
        return int(value * MICROSECONDS_A_DAY)
    if kind is Kind.DURATION and isinstance(value, Wait):
        return position_of(kind, value.iso())
    return _calendar_position(kind, value)


def _calendar_position(kind: Kind, value: Scalar) -> Position:
    if kind is Kind.DATE and isinstance(value, date) and not isinstance(value, datetime):
        return value.toordinal()
    if kind is Kind.MOMENT and isinstance(value, datetime):
        plain = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        return (plain - _EPOCH) // _MICROSECOND
    if kind is Kind.TIME and isinstance(value, time):
        offset = value.utcoffset() or timedelta()
        clock = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
        return (clock - offset) // _MICROSECOND
    raise BadInput(f"{show(value)} is not {_article(kind)}.")


def _decimal(value: float) -> Decimal:
    try:
        number = Decimal(repr(value))
    except InvalidOperation:
        raise BadInput(f"{value} is not a number.") from None
    if not number.is_finite():
        raise BadInput(f"{value} is not a number that can be compared.")
    return number


def _article(kind: Kind) -> str:
    return {
        Kind.INTEGER: "a whole number",
        Kind.MONTHS: "a duration of years and months",
        Kind.TEXT: "a text",
        Kind.ORDERED_TEXT: "a text",
    }.get(kind, f"a {kind.value}")


def value_at(kind: Kind, position: Position, *, zoned: bool = False) -> Scalar:
    """Return the value that lies at a position; the inverse of `position_of` (zoned times come back in UTC)."""
    if kind is Kind.DURATION:
        return timedelta(microseconds=int(position))
    if kind is Kind.DATE:
        return date.fromordinal(int(position))
    if kind is Kind.MOMENT:
        moment = _EPOCH + timedelta(microseconds=int(position))
        return moment.replace(tzinfo=UTC) if zoned else moment
    if kind is Kind.TIME:
        clock = (_EPOCH + timedelta(microseconds=int(position))).time()
        return clock.replace(tzinfo=UTC) if zoned else clock
    return position


NO_TIME = "PT0S"
"""The one way in which a duration of nothing is written, as for waits; P0D is read as the same."""


def iso_duration(length: timedelta) -> str:
    """Write a duration in ISO 8601, in days, hours, minutes and seconds."""
    micros = length // _MICROSECOND
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    days, rest = divmod(micros, MICROSECONDS_A_DAY)
    hours, rest = divmod(rest, 3_600_000_000)
    minutes, rest = divmod(rest, 60_000_000)
    seconds = f"{Decimal(rest) / 1_000_000:f}" if rest else "0"
    clock = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count)
    clock += f"{seconds}S" if rest else ""
    day = f"{days}D" if days else ""
    return f"{sign}P{day}" + (f"T{clock}" if clock else "") if day or clock else NO_TIME


def iso_months(months: int) -> str:
    """Write a duration of years and months in ISO 8601."""
    years, rest = divmod(abs(months), 12)
    parts = (f"{years}Y" if years else "") + (f"{rest}M" if rest or not years else "")
    return ("-" if months < 0 else "") + "P" + parts


def show(value: Value, kind: Kind | None = None) -> str:
    """Write a value as text that `parse_scalar` reads back; nothing for an unknown one is `unknown`."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind is Kind.MONTHS and isinstance(value, int):
        return iso_months(value)
    if isinstance(value, timedelta):
        return iso_duration(value)
    if isinstance(value, Wait):
        return value.iso()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | time):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
