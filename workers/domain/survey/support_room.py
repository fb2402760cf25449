"""Support room: how many questions may be asked so that support can call all who will be unhappy with us.

A function of figures: what the team can call until its working day ends, what it has to call already, and how many of
those who are asked answer 0 to 6. Only questions wait whose row of the plan says so (`may wait`), and none for good.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from workers.calendar import Calendar
from workers.domain.records import Touchpoint
from workers.domain.types import Reason

LAST_DAYS = timedelta(days=3)
"""How long before it is given up a question waits no more: longer than a weekend with the send window closed."""
A_WEEK = 7
LOOKED_BACK = timedelta(days=14)
NO_TIME = timedelta()
ON, OFF, NOT_COUNTED = "on", "off", "not counted"
"""What is said of pacing: questions may wait, none may, or how many could is not known here."""


@dataclass(frozen=True, slots=True)
class Past:
    """How many questions were asked in a time that is over, how many were answered, and how many with 0 to 6."""

    asked: int = 0
    answered: int = 0
    unhappy: int = 0


ASSUMED = Past(asked=100, answered=30, unhappy=9)
"""Counted with every past, so that a new installation is careful and a single call is not taken for a rule."""


@dataclass(frozen=True, slots=True)
class WorkingDay:
    """The team's working day that is under way, or the next: since when it is counted, and what is left of it."""

    begins: datetime
    """When the one before it ended: who is asked from then on is called on this day."""
    works_from: datetime
    """Now, or when work goes on: who is away then takes none of its calls."""
    ends: datetime
    left: timedelta
    whole: timedelta
    """How long the longest day of a week lasts: half a day has half of the calls."""


@dataclass(frozen=True, slots=True)
class SupportRoom:
    """What the team can call until a working day ends, and what it will have to."""

    calls: int
    to_call: int
    unanswered: int
    """Questions that were asked since the day before ended, and that nobody has answered yet."""
    past: Past
    until: datetime
    calls_a_day: int = 0
    """Calls that the agents who are there make on a whole working day."""

    @property
    def free_calls(self) -> int:
        """Calls that the team can still take beside those that wait."""
        return max(0, self.calls - self.to_call)

    @property
    def expected_calls(self) -> int:
        """Calls that will come of questions that nobody has answered yet, rounded up."""
        return -(-self.unanswered * self._unhappy // self._asked)

    @property
    def questions(self) -> int:
        """How many more questions may be asked: the calls that will come of all are no more than the free ones."""
        return max(0, self.free_calls * self._asked // self._unhappy - self.unanswered)

    def days_for(self, questions: int) -> int | None:
        """Return for how many working days the answers to some questions keep support busy; None where nobody calls."""
        calls = -(-questions * self._unhappy // self._asked)
        return -(-calls // self.calls_a_day) if self.calls_a_day else None

    @property
    def _asked(self) -> int:
        return self.past.asked + ASSUMED.asked

    @property
    def _unhappy(self) -> int:
        return self.past.unhappy + ASSUMED.unhappy


def working_day(calendar: Calendar, now: datetime) -> WorkingDay:
    """Return the working day under way, or the next one."""
    week = list(islice(calendar.days(now), A_WEEK))
    day, spans = week[0]
    begins = now - LOOKED_BACK
    for earlier, its_spans in calendar.days(begins):
        if earlier >= day:
            break
        begins = its_spans[-1][1]
    ahead = [(max(now, opens), closes) for opens, closes in spans if closes > now]
    left = sum((closes - opens for opens, closes in ahead), NO_TIME)
    whole = max(sum((closes - opens for opens, closes in each), NO_TIME) for _, each in week)
    return WorkingDay(begins, ahead[0][0], spans[-1][1], left, whole)


def calls_left(agents: int, calls_a_day: int, day: WorkingDay) -> int:
    """Return how many calls so many agents make in what is left of a day."""
    return agents * calls_a_day * day.left // day.whole


def asked_at_latest(touchpoint: Touchpoint, may_wait: Mapping[str, timedelta]) -> datetime | None:
    """Return until when a question waits for support at most; None where it never does.

    Counted from when it was due: one that a rest period has put off has waited. What a person sends now waits no more.
    """
    wait = may_wait.get(touchpoint.step)
    if wait is None or touchpoint.reason == Reason.OPERATOR:
        return None
    return min(touchpoint.due_at + wait, touchpoint.give_up_at - LAST_DAYS)


def may_still_wait(touchpoint: Touchpoint, may_wait: Mapping[str, timedelta], now: datetime) -> bool:
    """Tell whether a question waits while support has no room; one that a person sends before it is due never does."""
    latest = asked_at_latest(touchpoint, may_wait)
    return latest is not None and touchpoint.due_at <= now < latest
