"""Cells of the report: questions and answers counted by the day of asking, kept, and which days must be read from rows.

A day (UTC) that something has happened to since it was counted, or that a boundary of the report divides, is read from
its rows; every other one from its cells. Reads only.
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
MOST_RANGES = 200
"""Stretches of days that are read from rows; with more of them everything is, as it is when nothing is counted."""
MOST_CUSTOMERS = 1_000
"""Customers whose segment has just changed; with more of them everything is read from rows."""


@dataclass(frozen=True, slots=True)
class Days:
    """Which days of a period to read from their cells and which from their rows."""

    counted: tuple[datetime | None, datetime | None, tuple[datetime, ...]]
    """From which day on, up to which, and which days between are not among them."""
    ranges: tuple[tuple[datetime, datetime], ...]

    def of_cells(self, day: Column) -> list[Condition]:
        """Return the conditions of the cells to read."""
        since, until, without = self.counted
        conditions = [day >= since] if since else []
        conditions += [day < until] if until else []
        return [*conditions, day.not_in(without)] if without else conditions

    def of_rows(self, at: Column) -> Condition:
        """Return the condition of the rows to read, by when their question was asked."""
        return sa.or_(sa.false(), *(sa.and_(at >= since, at < until) for since, until in self.ranges))


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
    divided = {day_of(at) for at in (since, until, *boundaries) if at and at != day_of(at)}
    first = day_of(since) if since else None
    by_rows = sorted(
        day for day in changed | divided if (first is None or day >= first) and (until is None or day < until)
    )
    ranges = tuple(clipped(stretches(by_rows), since, until))
    return None if len(ranges) > MOST_RANGES else Days((first, until, tuple(by_rows)), ranges)


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
    found: set[datetime] = set()
    for chunk in read.chunks(customers):
        for query in (
            sa.select(q.asked_at).where(q.customer.in_(chunk)),
            sa.select(r.asked_at).where(r.customer.in_(chunk)),
        ):
            found |= {day_of(at) for at in connection.execute(query).scalars()}
    return found
