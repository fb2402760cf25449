"""The rest period: why and until when a person is not asked again.

The only function that decides it: asking goes by it, the check of a plan, the backtest and the explanation ask it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from workers.calendar import Wait, add_wait


@dataclass(frozen=True, slots=True)
class Rest:
    """How long a person is not asked again."""

    overall: Wait
    same_template: Wait
    at_most: int
    within: Wait


NO_REST = Rest(Wait(), Wait(), 10_000, Wait(months=12))
"""For a plan that gives no rest period: nobody rests."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be asked; with a `rest` of its own it goes by that clock, and not by that of its template."""

    touchpoint: str
    template: str
    rest: Wait | None = None


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """One question that reached a person."""

    at: datetime
    touchpoint: str
    template: str


class RestReason(StrEnum):
    """Which of the rules keeps a person from being asked; the values are reason codes."""

    RESTING = "resting"
    YEARLY_MAXIMUM = "yearly_maximum"
    SAME_MAILBOX = "same_mailbox"  # asked there under another id


@dataclass(frozen=True, slots=True)
class Resting:
    """Why a person rests, until when, and the question that it counts from."""

    reason: RestReason
    until: datetime
    since: datetime


def resting(question: Question, asked: Iterable[Asked], rest: Rest, zone: str, now: datetime) -> Resting | None:
    """Return what keeps a person from being asked at `now`, the longest of it; None when they may be asked.

    1. Every question counts against the period over all surveys. 2. A row with a `rest` counts from the last time that
    its own touchpoint was asked; any other from the last time that its template was. 3. The maximum counts all.
    """
    before = sorted(asked)
    rests = [Resting(RestReason.RESTING, add_wait(past.at, rest.overall, zone), past.at) for past in before]
    if question.rest is None:
        same = [(past, rest.same_template) for past in before if past.template == question.template]
    else:
        same = [(past, question.rest) for past in before if past.touchpoint == question.touchpoint]
    rests += [Resting(RestReason.RESTING, add_wait(past.at, wait, zone), past.at) for past, wait in same]
    if len(before) >= rest.at_most:
        oldest = before[-rest.at_most].at
        rests.append(Resting(RestReason.YEARLY_MAXIMUM, add_wait(oldest, rest.within, zone), oldest))
    longest = max(rests, key=lambda pause: (pause.until, pause.reason), default=None)
    return longest if longest is not None and longest.until > now else None
