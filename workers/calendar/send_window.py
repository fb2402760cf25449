"""Hours of the week in which something may happen, and the next such moment in a customer's zone.

An opening and a closing are instants; between them the window is open, so clock changes inside it do not matter.
Must not know whether a mail or a person waits for it.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from workers.calendar.timezones import as_utc, instant_of, zone_info
from workers.errors import BadInput

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = time(0)  # as a closing time: the end of the day, 24:00

SPREAD = "spread"
_MOST_OF_IT = 95  # percent of an open time over which is spread: who is last still has time to be asked
_ONE_DAY = timedelta(days=1)
_NO_HOLIDAYS: frozenset[date] = frozenset()
_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*-\s*(\d{1,2})(?::(\d{2}))?", re.ASCII)
_EXAMPLE = "write always, or days and hours such as mon-fri 09:00-18:00"


@dataclass(frozen=True, slots=True)
class SendWindow:
    """Days of the week (0 is Monday) with one opening and one closing wall time; `always` has no limits at all.

    `spread`: what many wait for does not happen at the opening for all of them, but evenly until the closing.
    """

    weekdays: frozenset[int] = frozenset(range(7))
    opens: time = MIDNIGHT
    closes: time = MIDNIGHT
    always: bool = False
    spread: bool = False

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= frozenset(range(7)):
            raise BadInput(f"A window needs at least one day of the week: {_EXAMPLE}.")
        if self.closes != MIDNIGHT and self.closes <= self.opens:
            raise BadInput(
                f"The window {self.opens:%H:%M}-{self.closes:%H:%M} closes before it opens: a window ends on the day "
                "it began, at 24:00 at the latest."
            )

    def text(self) -> str:
        """Return the window as `parse_window` reads it."""
        if self.always:
            return "always"
        days = ",".join(DAY_NAMES[day] for day in sorted(self.weekdays))
        closes = "24:00" if self.closes == MIDNIGHT else f"{self.closes:%H:%M}"
        return f"{days} {self.opens:%H:%M}-{closes}" + (f" {SPREAD}" if self.spread else "")


def parse_window(text: str) -> SendWindow:
    """Read `always` or days and hours (`mon-fri 09:00-18:00`, `sat,sun 10-16`); raise BadInput with a sentence."""
    cleaned = text.strip().lower().replace("–", "-")
    if cleaned == "always":
        return SendWindow(always=True)
    days, _, hours = cleaned.partition(" ")
    match = _HOURS.fullmatch(hours.strip())
    if match is None:
        raise BadInput(f"The window {text[:40]!r} cannot be read: {_EXAMPLE}.")
    opens, closes = _wall(match[1], match[2]), _wall(match[3], match[4])
    if opens is None or closes is None or match[1] == "24":
        raise BadInput(f"The window {text[:40]!r} has an hour that no clock shows: {_EXAMPLE}.")
    return SendWindow(_weekdays(days), opens, closes)


def parse_send_window(text: str) -> SendWindow:
    """Read a window for mails, which may end with `spread`: `mon-fri 09:00-18:00 spread`. Raises BadInput."""
    window, _, last = text.strip().rpartition(" ")
    if last.lower() != SPREAD:
        return parse_window(text)
    spread = parse_window(window)
    if spread.always:
        raise BadInput("The window always has no opening to spread anything from: take spread away, or give hours.")
    return replace(spread, spread=True)


def _wall(hour: str, minute: str | None) -> time | None:
    minutes = int(hour) * 60 + int(minute or 0)
    if minutes > 24 * 60 or int(minute or 0) > 59:
        return None
    return time(minutes // 60 % 24, minutes % 60)


def _weekdays(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not dash:
            last = first
        if first not in DAY_NAMES or last not in DAY_NAMES:
            raise BadInput(f"{part[:20]!r} names no day of the week: {_EXAMPLE} ({', '.join(DAY_NAMES)}).")
        start = DAY_NAMES.index(first)
        length = (DAY_NAMES.index(last) - start) % 7  # fri-mon runs over the week's end
        days.update((start + step) % 7 for step in range(length + 1))
    return frozenset(days)


def next_in_window(at: datetime, window: SendWindow, zone: str, holidays: Container[date] = _NO_HOLIDAYS) -> datetime:
    """Return `at` itself when the window is open then in `zone`, else its next opening, in UTC.

    Holidays are closed, except for the window `always`. Idempotent. Raises BadInput for an unknown zone.
    """
    if at.tzinfo is not UTC:
        at = as_utc(at)
    if window.always:
        return at
    opening, _ = next(openings(at, window, zone_info(zone), holidays))
    return max(at, opening)


def spread_over(at: datetime, window: SendWindow, zone: str, holidays: Container[date], share: float) -> datetime:
    """Return the moment at a share (0 to 1) of the time from `at`, when the window is open, to its closing."""
    if window.always:
        return at
    _, closing = next(openings(at, window, zone_info(zone), holidays))
    seconds = int((closing - at).total_seconds() * share * _MOST_OF_IT / 100)
    return at + timedelta(seconds=seconds)


def is_opening(at: datetime, window: SendWindow, zone: str, holidays: Container[date] = _NO_HOLIDAYS) -> bool:
    """Tell whether the window opens at this very instant."""
    return not window.always and next(openings(at, window, zone_info(zone), holidays))[0] == at


def openings(
    at: datetime, window: SendWindow, zone: ZoneInfo, holidays: Container[date]
) -> Iterator[tuple[datetime, datetime]]:
    """Yield opening and closing instants from the one that is open at `at`, or the next, onwards for ever."""
    day = at.astimezone(zone).date()
    while True:
        if day.weekday() in window.weekdays and day not in holidays:
            span = _opening_on(day, window, zone)
            if span is not None and at < span[1]:
                yield span
        day += _ONE_DAY


@lru_cache(maxsize=4096)  # few zones and few days are asked for again and again; halves the time of a call
def _opening_on(day: date, window: SendWindow, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    last = day + _ONE_DAY if window.closes == MIDNIGHT else day
    opening = instant_of(datetime.combine(day, window.opens), zone)
    closing = instant_of(datetime.combine(last, window.closes), zone)
    # A clock change can swallow a short window, and once in a while a whole date (Apia, 30 December 2011).
    return (opening, closing) if opening < closing and opening.astimezone(zone).date() == day else None
