"""Cells of the report: questions and answers counted by the day of asking, kept, and which days must be read from rows.

A day (UTC) that something has happened to since it was counted is read from its rows, every other one from its cells.
Of a day that a boundary of the report divides (a month begins at midnight where the company is) the rows of its shorter
part are taken off the cells and counted by themselves. Reads only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import read
from workers.store import tables as t

Column = sa.ColumnElement[Any]
Condition = sa.ColumnElement[bool]
DAY = timedelta(days=1)
HALF = DAY / 2
MOST_RANGES = 200
"""Stretches of days that are read from rows; with more of them everything is, as it is when nothing is counted."""
MOST_CUSTOMERS = 1_000
"""Customers whose segment has just changed; with more of them everything is read from rows."""


@dataclass(frozen=True, slots=True)
class Part:
    """The shorter part of a day that a boundary divides, whose rows are no part of the cells as they are read."""

    day: datetime
    at: datetime
    """The instant that the cells of the day are taken to be of."""
    begin: datetime
    end: datetime
    in_period: bool
    """Whether the rows of the part belong to the report at all."""


@dataclass(frozen=True, slots=True)
class Days:
    """Which days of a period to read from their cells and which from their rows."""

    counted: tuple[datetime | None, datetime | None, tuple[datetime, ...]]
    """From which day on, up to which, and which days between are not among them."""
    ranges: tuple[tuple[datetime, datetime], ...]
    """The days to read from their rows."""
    parts: tuple[Part, ...] = ()

    @property
    def read(self) -> list[tuple[datetime, datetime]]:
        """Return the stretches that are read from their rows: whole days and parts of days."""
        return [*self.ranges, *((part.begin, part.end) for part in self.parts if part.in_period)]

    def of_cells(self, day: Column) -> list[Condition]:
        """Return the conditions of the cells to read."""
        since, until, without = self.counted
        conditions = [day >= since] if since else []
        conditions += [day < until] if until else []
        return [*conditions, day.not_in(without)] if without else conditions

    def of_rows(self, at: Column) -> Condition:
        """Return the condition of the rows to read, by when their question was asked."""
        return in_stretches(at, self.read)

    def off_cells(self, at: Column) -> Condition:
        """Return the condition of the rows to take off the cells."""
        return in_stretches(at, [(part.begin, part.end) for part in self.parts])

    def of_day(self, day: Column) -> Column:
        """Return the instant that a day's cells are taken to be of."""
        moved = [part for part in self.parts if part.at != part.day]
        return sa.case(*((day == part.day, instant(part.at)) for part in moved), else_=day) if moved else day

    def of_part(self, at: Column) -> Column:
        """Return the instant that the cells are taken to be of which a row is taken off."""
        return sa.case(*((sa.and_(at >= part.begin, at < part.end), instant(part.at)) for part in self.parts), else_=at)


def instant(at: datetime) -> Column:
    """Return an instant as a value of a statement."""
    return sa.literal(at, t.Instant())


def in_stretches(at: Column, stretches: Iterable[tuple[datetime, datetime]]) -> Condition:
    """Return the condition of an instant in one of some stretches."""
    return sa.or_(sa.false(), *(sa.and_(at >= begin, at < end) for begin, end in stretches))


def day_of(at: datetime) -> datetime:
    """Return the beginning of an instant's day (UTC)."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def days(
    connection: Connection, since: datetime | None, until: datetime | None, boundaries: Iterable[datetime]
) -> Days | None:
    """Return how to read a period whose cells must not reach across boundaries; None: everything from rows."""
    changed = changed_days(connection)
    if changed is None:
        return None
    first = day_of(since) if since else None
    by_rows = {day for day in changed if (first is None or day >= first) and (until is None or day < until)}
    parts = []
    for day, edges in divided_days(since, until, boundaries).items():
        part = part_of(day, edges, since, until)
        if part and day not in changed:
            parts.append(part)
        else:
            by_rows.add(day)
    ranges = tuple(clipped(stretches(sorted(by_rows)), since, until))
    if len(ranges) + len(parts) > MOST_RANGES:
        return None
    return Days((first, until, tuple(sorted(by_rows))), ranges, tuple(parts))


def divided_days(
    since: datetime | None, until: datetime | None, boundaries: Iterable[datetime]
) -> dict[datetime, list[datetime]]:
    """Return the days of a period that it or a boundary divides, each with the instants that do."""
    divided: dict[datetime, list[datetime]] = {}
    for at in sorted({at for at in (since, until, *boundaries) if at}):
        if at != day_of(at) and (since is None or at >= since) and (until is None or at <= until):
            divided.setdefault(day_of(at), []).append(at)
    return divided


def part_of(day: datetime, edges: Sequence[datetime], since: datetime | None, until: datetime | None) -> Part | None:
    """Return the part of a divided day to take off its cells; None where reading the day's rows is less work."""
    at, *more = edges
    is_late = at - day >= HALF
    if more or (at == since and is_late) or (at == until and not is_late):
        return None
    in_period = at not in (since, until)
    return Part(day, day, at, day + DAY, in_period) if is_late else Part(day, at, day, at, in_period)


def stretches(in_order: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Give the stretches of days that follow one another: the beginning, and the end behind the last."""
    first: datetime | None = None
    for place, day in enumerate(in_order):
        first = first or day
        if place + 1 == len(in_order) or in_order[place + 1] != day + DAY:
            yield first, day + DAY
            first = None


def clipped(
    ranges: Iterable[tuple[datetime, datetime]], since: datetime | None, until: datetime | None
) -> Iterator[tuple[datetime, datetime]]:
    """Give stretches without what lies outside of a period."""
    for begin, end in ranges:
        yield max(begin, since) if since else begin, min(end, until) if until else end


def changed_days(connection: Connection) -> set[datetime] | None:
    """Return the days whose cells are not right any more; None where no cell is, or too many customers changed."""
    c = t.report_change.c
    marked = set(connection.execute(sa.select(c.day).where(c.segment_of.is_(None)).distinct()).scalars())
    if None in marked:
        return None
    query = sa.select(c.segment_of).where(c.segment_of.is_not(None)).distinct().limit(MOST_CUSTOMERS + 1)
    customers = list(connection.execute(query).scalars())
    if len(customers) > MOST_CUSTOMERS:
        return None
    return marked | days_of_customers(connection, customers)


def days_of_customers(connection: Connection, customers: Sequence[str]) -> set[datetime]:
    """Return the days on which customers were asked; of answers to others' questions too."""
    q, r = t.survey_request.c, t.response.c
    asked_on: set[datetime] = set()
    for chunk in read.chunks(customers):
        for query in (
            sa.select(q.asked_at).where(q.customer.in_(chunk)),
            sa.select(r.asked_at).where(r.customer.in_(chunk)),
        ):
            asked_on |= {day_of(at) for at in connection.execute(query).scalars()}
    return asked_on
