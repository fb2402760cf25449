"""What was followed up: detractors through the loop, persons from band to band, and who was told that it is done.

Pure: from the rows that were read. A recovery score is only ever set beside the score that it follows.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, repeat
from statistics import median

from workers.domain.reporting import nps
from workers.domain.types import Band

RANK = {Band.DETRACTOR: 0, Band.PASSIVE: 1, Band.PROMOTER: 2}
BANDS = (Band.PROMOTER, Band.PASSIVE, Band.DETRACTOR)
NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Case:
    """How far a detractor's answer came: the ticket that it led to and the answer to the recovery survey.

    In time is who tried to reach the customer before the ticket was due; an attempt counts, reached is counted apart.
    """

    score: int
    ticket: bool
    outcome: str
    in_time: bool
    reached: bool
    done: bool
    asked_again: bool
    score_again: int | None


class Step(StrEnum):
    """How far a detractor's answer came, each counted of all detractors, and what stands beside."""

    DETRACTORS = "detractors"
    TICKET = "ticket"
    IN_TIME = "in_time"
    DONE = "done"
    ANSWERED = "answered"
    MOVED_UP = "moved_up"
    LATE = "late"
    NOT_REACHED = "not_reached"
    NOT_ASKED = "not_asked"
    SILENT = "silent"
    SAME = "same"


LADDER = (Step.DETRACTORS, Step.IN_TIME, Step.DONE, Step.ANSWERED, Step.MOVED_UP)
BESIDE = (Step.LATE, Step.NOT_REACHED, Step.NOT_ASKED, Step.SILENT, Step.SAME)


def moved_up(case: Case) -> bool:
    """Tell whether the band rose from the answer to the recovery survey's."""
    return case.score_again is not None and RANK[nps.band(case.score_again)] > RANK[nps.band(case.score)]


TESTS: dict[Step, Callable[[Case], bool]] = {
    Step.DETRACTORS: lambda case: True,
    Step.TICKET: lambda case: case.ticket,
    Step.IN_TIME: lambda case: case.in_time,
    Step.DONE: lambda case: case.done,
    Step.ANSWERED: lambda case: case.score_again is not None,
    Step.MOVED_UP: moved_up,
    Step.LATE: lambda case: not case.in_time,
    Step.NOT_REACHED: lambda case: case.outcome == NOT_REACHED or (case.done and not case.reached),
    Step.NOT_ASKED: lambda case: case.done and not case.asked_again,
    Step.SILENT: lambda case: case.asked_again and case.score_again is None,
    Step.SAME: lambda case: case.score_again is not None and not moved_up(case),
}


def is_at(case: Case, step: Step) -> bool:
    """Tell whether a case came to a step, whether or not it went on from there."""
    return TESTS[step](case)


@dataclass(frozen=True, slots=True)
class Loop:
    """The loop's health: how many detractors came to each step, and how long the first contact took."""

    steps: Mapping[Step, int]
    timed: int
    wall: timedelta | None
    working: timedelta | None


def loop(
    cases: Mapping[Case, int],
    waits: Sequence[tuple[datetime, datetime]],
    working: Callable[[Sequence[tuple[datetime, datetime]]], Sequence[timedelta]],
) -> Loop:
    """Return the loop's health from counted cases and the times from opening to first contact.

    `working` measures the working time of each.
    """
    return Loop(
        {step: sum(n for case, n in cases.items() if is_at(case, step)) for step in Step},
        len(waits),
        middle([end - start for start, end in waits]),
        middle(working(waits)),
    )


def middle(lengths: Sequence[timedelta]) -> timedelta | None:
    """Return the median length: one call after three weeks moves a mean and says little. None of none."""
    return timedelta(seconds=median(length.total_seconds() for length in lengths)) if lengths else None


@dataclass(frozen=True, slots=True)
class Movement:
    """Persons by the band of their answer before and of their latest one; "" before a first answer."""

    moved: Mapping[tuple[str, str], int]

    def count(self, wanted: Callable[[str, str], bool]) -> int:
        """Return how many persons moved like this."""
        return sum(n for (before, latest), n in self.moved.items() if wanted(before, latest))

    @property
    def leaving(self) -> int:
        """Return how many are about to leave: a detractor, or one who fell by a band."""
        return self.count(about_to_leave)


def about_to_leave(before: str, latest: str) -> bool:
    """Tell whether a person is about to leave: a detractor, or one who fell by a band."""
    return latest == Band.DETRACTOR or fell(before, latest)


def fell(before: str, latest: str) -> bool:
    """Tell whether a person fell by a band or two; a first answer falls from nothing."""
    return bool(before) and RANK[Band(latest)] < RANK[Band(before)]


@dataclass(frozen=True, slots=True)
class InformedCustomer:
    """Customers who were told that what they asked for is done, alike in their scores before and after."""

    initiative: int
    score: int
    sent: bool
    score_after: int | None


@dataclass(frozen=True, slots=True)
class Announced:
    """One initiative: how many were told, answered a later survey, and moved from which band to which."""

    initiative: int
    customers_told: int
    sent: int
    answered: int
    before: nps.Counts
    after: nps.Counts
    moved_up: int


def announced(informed: Mapping[InformedCustomer, int]) -> dict[int, Announced]:
    """Return what became of those who were told, by initiative; before and after are of the same persons."""
    grouped: dict[int, dict[InformedCustomer, int]] = {}
    for customers, n in informed.items():
        grouped.setdefault(customers.initiative, {})[customers] = n
    return {key: announcement(key, customers) for key, customers in grouped.items()}


def announcement(key: int, informed: Mapping[InformedCustomer, int]) -> Announced:
    """Return what became of those who were told of one initiative; bands are of those who answered a later survey."""
    later = [
        (nps.band(customers.score), nps.band(customers.score_after), n)
        for customers, n in informed.items()
        if customers.score_after is not None
    ]
    return Announced(
        key,
        sum(informed.values()),
        sum(n for customers, n in informed.items() if customers.sent),
        sum(n for _, _, n in later),
        nps.count_bands(chain.from_iterable(repeat(before, n) for before, _, n in later)),
        nps.count_bands(chain.from_iterable(repeat(after, n) for _, after, n in later)),
        sum(n for before, after, n in later if RANK[after] > RANK[before]),
    )


def table(pairs: Mapping[tuple[str, str], int]) -> tuple[list[str], list[str]]:
    """Return the rows and columns that a table of counts needs, the most frequent row first."""
    rows: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    for (row, column), n in pairs.items():
        rows[row] += n
        columns[column] += n
    return [name for name, _ in rows.most_common()], sorted(columns)
