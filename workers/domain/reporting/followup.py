"""What was followed up: detractors through the loop, persons from band to band, and who was told that it is done.

Pure: from the rows that were read. A recovery score is only ever set beside the score that it follows.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from workers.domain.reporting import nps
from workers.domain.types import Band

RANK = {Band.DETRACTOR: 0, Band.PASSIVE: 1, Band.PROMOTER: 2}
BANDS = (Band.PROMOTER, Band.PASSIVE, Band.DETRACTOR)
NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Case:
    """One detractor's answer with the ticket that it led to and the answer to the recovery survey."""

    response: str
    score: int
    ticket: str | None
    outcome: str
    opened_at: datetime | None
    due_at: datetime | None
    contacted_at: datetime | None
    reached_at: datetime | None
    done_at: datetime | None
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


def in_time(case: Case) -> bool:
    """Tell whether first contact was tried before it was due; an attempt counts, reached is counted apart."""
    return case.contacted_at is not None and case.due_at is not None and case.contacted_at <= case.due_at


def moved_up(case: Case) -> bool:
    """Tell whether the band rose from the answer to the recovery survey's."""
    return case.score_again is not None and RANK[nps.band(case.score_again)] > RANK[nps.band(case.score)]


TESTS: dict[Step, Callable[[Case], bool]] = {
    Step.DETRACTORS: lambda case: True,
    Step.TICKET: lambda case: case.ticket is not None,
    Step.IN_TIME: in_time,
    Step.DONE: lambda case: case.done_at is not None,
    Step.ANSWERED: lambda case: case.score_again is not None,
    Step.MOVED_UP: moved_up,
    Step.LATE: lambda case: not in_time(case),
    Step.NOT_REACHED: lambda case: (
        case.outcome == NOT_REACHED or (case.done_at is not None and case.reached_at is None)
    ),
    Step.NOT_ASKED: lambda case: case.done_at is not None and not case.asked_again,
    Step.SILENT: lambda case: case.asked_again and case.score_again is None,
    Step.SAME: lambda case: case.score_again is not None and not moved_up(case),
}


def at_step(cases: Iterable[Case], step: Step) -> list[Case]:
    """Return the cases that came to a step, whether or not they went on from there."""
    return [case for case in cases if TESTS[step](case)]


@dataclass(frozen=True, slots=True)
class Loop:
    """The loop's health: how many detractors came to each step, and how long the first contact took."""

    steps: Mapping[Step, int]
    timed: int
    wall: timedelta | None
    working: timedelta | None


def loop(cases: Sequence[Case], working: Callable[[datetime, datetime], timedelta]) -> Loop:
    """Return the loop's health; `working` measures the working time between two instants."""
    waited = [(case.opened_at, case.contacted_at) for case in cases if case.opened_at and case.contacted_at]
    return Loop(
        {step: len(at_step(cases, step)) for step in Step},
        len(waited),
        middle([end - start for start, end in waited]),
        middle([working(start, end) for start, end in waited]),
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
    """One customer who was told that what they asked for is done, and their next score."""

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


def announced(rows: Iterable[InformedCustomer]) -> dict[int, Announced]:
    """Return what became of those who were told, by initiative; before and after are of the same persons."""
    grouped: dict[int, list[InformedCustomer]] = {}
    for row in rows:
        grouped.setdefault(row.initiative, []).append(row)
    return {key: announcement(key, customers) for key, customers in grouped.items()}


def announcement(key: int, rows: Sequence[InformedCustomer]) -> Announced:
    """Return what became of those who were told of one initiative; bands are of those who answered a later survey."""
    later = [(nps.band(row.score), nps.band(row.score_after)) for row in rows if row.score_after is not None]
    return Announced(
        key,
        len(rows),
        sum(row.sent for row in rows),
        len(later),
        nps.count_bands(before for before, _ in later),
        nps.count_bands(after for _, after in later),
        sum(RANK[after] > RANK[before] for before, after in later),
    )


def table(pairs: Mapping[tuple[str, str], int]) -> tuple[list[str], list[str]]:
    """Return the rows and columns that a table of counts needs, the most frequent row first."""
    rows: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    for (row, column), n in pairs.items():
        rows[row] += n
        columns[column] += n
    return [name for name, _ in rows.most_common()], sorted(columns)
