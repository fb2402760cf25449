"""The report's cells, kept: each day that something has happened to is counted anew from its rows.

Changes are said by triggers (`report_changes`). Whatever is taken from those is counted by a statement that sees at
least what they are about, so cells without a change are right; the books hold them against a count of every row.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import read
from workers.store import tables as t
from workers.store.counts import report_changes
from workers.store.counts.running_counts import FOLDING
from workers.store.report import cells, followed_cells
from workers.store.report.counted_days import DAY, Days, changed_days, day_of, days_of_customers
from workers.store.report.figures import Q, R, added, total

CHANGE = t.report_change.c
EVERYTHING = sa.and_(CHANGE.day.is_(None), CHANGE.segment_of.is_(None))
"""What says that no cell is right."""
DAY_DIGITS = 10
CELLS = (t.asked_cell, t.answer_cell, t.followed_cell)


def days_to_recount(connection: Connection) -> list[datetime]:
    """Return the days whose cells are not right, oldest first, after writing down which days changes are about.

    Where nothing says of changes no day is counted, as nobody would see when its cells are wrong: rows are read.
    """
    if not take_turn(connection):
        return []
    if not report_changes.are_said(connection):
        forget(connection)
        return []
    every_day(connection)
    whose = list(connection.execute(sa.select(CHANGE.segment_of).where(CHANGE.segment_of.is_not(None))).scalars())
    for customers in read.chunks(sorted(set(whose))):
        connection.execute(sa.delete(t.report_change).where(CHANGE.segment_of.in_(customers)))
        mark(connection, days_of_customers(connection, customers))
    changed = sa.select(CHANGE.day).where(CHANGE.day.is_not(None)).distinct()
    return sorted(connection.execute(changed).scalars())


def take_turn(connection: Connection) -> bool:
    """Tell whether nobody else recounts now; SQLite has one writer anyway."""
    if connection.dialect.name == "sqlite":
        return True
    return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(FOLDING + 1))).scalar_one())


def every_day(connection: Connection) -> None:
    """Where all cells are to be counted, say so of each day that has any or that something was asked on."""
    if connection.execute(sa.delete(t.report_change).where(EVERYTHING)).rowcount:
        mark(connection, all_days(connection))


def all_days(connection: Connection) -> set[datetime]:
    """Return each day with cells, or with questions or answers."""
    days = {day for cell in CELLS for day in connection.execute(sa.select(cell.c.day).distinct()).scalars()}
    for at in (Q.asked_at, R.asked_at):
        last = connection.execute(sa.select(sa.func.min(at))).scalar()
        while last is not None:  # from day to day by the index
            days.add(day_of(last))
            last = connection.execute(sa.select(sa.func.min(at)).where(at >= day_of(last) + DAY)).scalar()
    return days


def forget(connection: Connection) -> None:
    """Say that no cell is right, so that everything is read from rows until it is counted anew."""
    if connection.execute(sa.select(CHANGE.id).where(EVERYTHING).limit(1)).first() is None:
        connection.execute(sa.insert(t.report_change).values(day=None, segment_of=None))


def mark(connection: Connection, days: set[datetime]) -> None:
    """Say of days that their cells are not right."""
    if days:
        connection.execute(sa.insert(t.report_change), [{"day": day} for day in sorted(days)])


def rows_of(
    chosen: Callable[[sa.ColumnElement[Any]], Sequence[sa.ColumnElement[bool]]],
) -> Iterator[sa.Select[Any] | sa.CompoundSelect[Any]]:
    """Give the rows behind the cells of each of CELLS, chosen by when their question was asked."""
    yield cells.question_rows(cells.OF_QUESTION, *chosen(Q.asked_at))
    yield sa.union_all(*cells.every_answer(chosen))
    yield sa.union_all(*followed_cells.rows_of(followed_cells.asked_for(chosen)))


def grouped(table: sa.Table, counted: sa.Subquery, day: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return rows added up to the cells of a table, its columns in their order."""
    by = {column.name: day if column.name == "day" else counted.c[column.name] for column in table.primary_key}
    columns = [by.get(column.name) for column in table.c]
    shown = [
        added(counted.c[column.name]).label(column.name) if key is None else key.label(column.name)
        for column, key in zip(table.c, columns, strict=True)
    ]
    return sa.select(*shown).group_by(*(counted.c[name] for name in by if name != "day"))


def recount(connection: Connection, day: datetime) -> bool:
    """Count the cells of a day anew from its rows, unless somebody else recounts; tell whether that was done."""
    if not take_turn(connection):
        return False
    connection.execute(sa.delete(t.report_change).where(CHANGE.day == day))
    one_day = Days((None, None, ()), ((day, day + DAY),))
    for table, rows in zip(CELLS, rows_of(lambda asked_at: [one_day.of_rows(asked_at)]), strict=True):
        connection.execute(sa.delete(table).where(table.c.day == day))
        counted = grouped(table, rows.subquery(), sa.literal(day, t.Instant()))
        connection.execute(sa.insert(table).from_select([column.name for column in table.c], counted))
    return True


def compared(connection: Connection) -> Iterator[tuple[sa.Select[Any], sa.Select[Any]]]:
    """Give what is kept of the days without a change, and the same counted from every row, for each table of cells."""
    changed = changed_days(connection)
    if changed is None:
        return
    for table, rows in zip(CELLS, rows_of(lambda _: []), strict=True):
        row = rows.subquery()
        day: sa.ColumnElement[Any] = row.c.at
        if connection.dialect.name == "sqlite":
            day = sa.func.substr(sa.type_coerce(day, sa.String()), 1, DAY_DIGITS).concat("T00:00:00.000000Z")
        else:
            day = sa.func.date_trunc("day", day, "UTC")
        by_day = sa.select(*(column for column in row.c if column.name != "at"), day.label("day")).subquery()
        counted = grouped(table, by_day, sa.type_coerce(by_day.c.day, t.Instant())).group_by(by_day.c.day)
        every = counted.subquery()
        yield (
            sa.select(table).where(table.c.day.not_in(sorted(changed))),
            sa.select(every).where(every.c.day.not_in(sorted(changed))),
        )


def by_agreement(kept: sa.Select[Any], counted: sa.Select[Any]) -> sa.Subquery:
    """Return each cell by its day and in how many of both it stands, in one pass: 2 is right, 1 is wrong."""
    both = kept.union_all(counted).subquery()
    columns = list(both.c)
    return sa.select(both.c.day, sa.func.count().label("n")).group_by(*columns).subquery()


def wrong_days(connection: Connection) -> list[datetime]:
    """Return the days whose cells are not what their rows say, although no change says so."""
    days: set[datetime] = set()
    for kept, counted in compared(connection):
        cell = by_agreement(kept, counted).c
        days.update(connection.execute(sa.select(cell.day).where(cell.n < 2).distinct()).scalars())
    return sorted(days)


def agreement(connection: Connection) -> tuple[int, int]:
    """Return how many cells of the days without a change are what the rows say, and how many there are by either."""
    right = every = 0
    for kept, counted in compared(connection):
        cell = by_agreement(kept, counted).c
        n, of = connection.execute(sa.select(total(cell.n == 2), sa.func.count()).select_from(cell.n.table)).one()
        right, every = right + int(n), every + int(of)
    return right, every
