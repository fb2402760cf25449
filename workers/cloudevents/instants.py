"""Instants in events: RFC 3339 text to UTC, within the years an event can come from.

Nothing here reads a clock: `now` is a parameter.
"""

import re
from datetime import UTC, datetime, timedelta

from workers.cloudevents.events import Fault, Refusal

# An event dated later than this after now is a wrong clock or a wrong field, not news.
FUTURE_ALLOWED = timedelta(hours=24)
# Zero dates (1970-01-01, 1900-01-01) stand for "no date" in many CRMs and must not plan anything.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,12})?)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})"
).fullmatch
_NO_OFFSET = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9:.]+)?").fullmatch
_EXPECTED = "Expected a date and time with offset (RFC 3339), such as 2026-03-31T14:05:00+02:00."


def parse(text: object) -> datetime | None:
    """Return the instant in UTC, or None if the text is not RFC 3339 or names a day that does not exist.

    Beside RFC 3339, times without seconds and offsets without a colon are read (ISO 8601): they mean one thing.
    A leap second (RFC 3339, 5.7) becomes the second before it, as Python has none.
    """
    if type(text) is not str or not _RFC3339(text):
        return None
    try:
        at = datetime.fromisoformat(text)
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return _leniently(text.upper())


def _leniently(text: str) -> datetime | None:
    """Try again with capital T and Z, and with a leap second counted as the second before it."""
    if text[17:19] == "60" and text[14:16] == "59":
        text = text[:17] + "59" + text[19:]
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def of_epoch(value: object, units: int) -> object:
    """Return a number since 1970 (`units` in a second) as RFC 3339 text; what is no such number stays as it is."""
    digits = value.strip() if isinstance(value, str) else value
    if isinstance(digits, bool) or not isinstance(digits, int | float | str):
        return value
    try:
        return datetime.fromtimestamp(float(digits) / units, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return value


def latest(now: datetime) -> datetime:
    """Return the latest instant that an event may carry."""
    return now + FUTURE_ALLOWED


def fault(value: object, pointer: str, now: datetime, *, may_be_future: bool = False) -> Fault | None:
    """Say what is wrong with a time, or return None if nothing is."""
    at = parse(value)
    if at is None:
        return Fault(pointer, _unreadable(value), Refusal.BAD_TIME)
    if at < EARLIEST:
        detail = f"Found {value}, before 1990: this looks like a stand-in for no date. Send the real date, or no event."
        return Fault(pointer, detail, Refusal.BAD_TIME)
    if at > latest(now) and not may_be_future:
        detail = (
            f"Found {value}, more than 24 hours after now ({now:%Y-%m-%dT%H:%M:%SZ}). Send the event when it has "
            "happened, or correct the clock or time zone of the sender."
        )
        return Fault(pointer, detail, Refusal.FUTURE)
    return None


def _unreadable(value: object) -> str:
    if type(value) is not str:
        return f"Found {'nothing' if value is None else 'a value that is not text'}. {_EXPECTED}"
    shown = value[:60]
    if _RFC3339(value):
        return f'Found "{shown}", a date or time that does not exist. {_EXPECTED}'
    if _NO_OFFSET(value):
        return f'Found "{shown}", which has no offset from UTC or no time of day. {_EXPECTED}'
    return f'Found "{shown}". {_EXPECTED}'
