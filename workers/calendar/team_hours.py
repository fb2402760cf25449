"""The hours of a team: shifts on the days of the week, and on single dates that differ from the others.

Wall times only; which instants they are is for `calendars`. Must not know zones.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from functools import lru_cache
from itertools import pairwise

from workers.calendar.send_window import SendWindow
from workers.errors import BadInput

MIDNIGHT = time(0)
MOST_SHIFTS = 12
"""Shifts of a day; more is a slip of the pen."""
_SHIFT = re.compile(r"(\d{1,2})(?::?(\d{2}))?\s*-\s*(\d{1,2})(?::?(\d{2}))?", re.ASCII)
_EXAMPLE = "write spans such as 09:00-12:30, 14:00-18:00, or 22:00-06:00 for a night shift"


@dataclass(frozen=True, slots=True, order=True)
class Shift:
    """One span of work: it ends on the day it began, or on the next one where it closes at its opening or before."""

    opens: time
    closes: time

    @property
    def overnight(self) -> bool:
        """Tell whether it closes on the day after; 00:00 as a closing is the end of the day."""
        return self.closes <= self.opens

    def closing_minutes(self) -> int:
        """Return the closing in minutes from the midnight before the opening."""
        return self.minutes()[1]

    def minutes(self) -> tuple[int, int]:
        """Return opening and closing in minutes from the midnight before the opening."""
        begins, ends = (at.hour * 60 + at.minute for at in (self.opens, self.closes))
        return begins, ends + 24 * 60 if self.overnight else ends


@dataclass(frozen=True)
class WorkingHours:
    """Shifts by the day of the week (0 is Monday) and by date, each in order; a date goes before its day of the week.

    A date with hours of its own is worked also where it is a day off. Raises BadInput where nobody ever works.
    """

    week: Mapping[int, tuple[Shift, ...]]
    dates: Mapping[date, tuple[Shift, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not any(self.week.values()):
            raise BadInput("The team needs working hours on one day of the week at least.")

    def on(self, day: date, days_off: Container[date]) -> tuple[Shift, ...]:
        """Return the shifts that begin on a day."""
        if day in self.dates:
            return self.dates[day]
        return () if day in days_off else self.week.get(day.weekday(), ())


@lru_cache(maxsize=256)
def hours_of_window(window: SendWindow) -> WorkingHours:
    """Return a window of one span a day as working hours."""
    shift = Shift(window.opens, window.closes)
    return WorkingHours(dict.fromkeys(window.weekdays, (shift,)))


def parse_shifts(text: str) -> tuple[Shift, ...]:
    """Read the spans of a day (`09:00-12:30, 14:00-18:00`, `22:00-06:00`, `00:00-24:00`); raise BadInput.

    Spans must not overlap; a night shift may end on the next day, up to 24 hours after it began.
    """
    parts = [part.strip() for part in re.split(r"[,;]| and | et ", text.replace("–", "-")) if part.strip()]
    if not parts or len(parts) > MOST_SHIFTS:
        raise BadInput(f"The hours {text[:40]!r} cannot be read: {_EXAMPLE}.")
    shifts = sorted(_shift(part) for part in parts)
    for before, after in pairwise(shifts):
        if after.minutes()[0] < before.minutes()[1]:
            raise BadInput(f"The hours {text[:40]!r} overlap: each span begins when the one before has ended.")
    return tuple(shifts)


def _shift(text: str) -> Shift:
    match = _SHIFT.fullmatch(text)
    opens, closes = (_wall(match[1], match[2]), _wall(match[3], match[4])) if match else (None, None)
    if match is None or opens is None or closes is None or match[1] == "24":
        raise BadInput(f"The hours {text[:40]!r} cannot be read: {_EXAMPLE}.")
    if opens == closes and not (opens == MIDNIGHT and match[3] == "24"):
        raise BadInput(f"The hours {text[:40]!r} last no time: round the clock is 00:00-24:00.")
    return Shift(opens, closes)


def _wall(hour: str, minute: str | None) -> time | None:
    minutes = int(hour) * 60 + int(minute or 0)
    if minutes > 24 * 60 or int(minute or 0) > 59:
        return None
    return time(minutes // 60 % 24, minutes % 60)
