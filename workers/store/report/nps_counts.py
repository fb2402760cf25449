"""Counts behind the scores by any dimension, or two at once: answers by band, and the questions asked.

By cohort: the questions asked in a period and the answers to them whenever they came. Reads only.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from workers.domain.attributes import Attribute
from workers.domain.reporting import RECOVERY, SCORES, Figures, Filters, nps
from workers.domain.types import Band, RequestState, ResponseState
from workers.store import tables as t
from workers.store.report import cells
from workers.store.report.dimensions import OF_CUSTOMERS, columns_by, named, together
from workers.store.report.figures import LANGUAGE, TOUCHPOINT, TRIGGER, Months, chosen, month_of, within

BY_THE_KEYS = sa.text("1, 2, 3")
"""PostgreSQL does not see that two expressions with parameters are the same one."""
NO_ATTRIBUTES: Mapping[str, Attribute] = {}
Column = sa.ColumnElement[Any]
Columns = ReadOnlyColumnCollection[str, Any]
Keys = tuple[Column, Column]
"""What is counted by: the group, and the touchpoint."""
Cell = tuple[bool, str, str]
"""Whether it is of recovery surveys, the group, the touchpoint."""


def count_scores(
    connection: Connection,
    period: Filters,
    by: Sequence[str],
    months: Months,
    attributes: Mapping[str, Attribute] = NO_ATTRIBUTES,
) -> dict[Cell, Figures]:
    """Return the figures of the questions that the filters choose by recovery, group and touchpoint.

    Answers given at places are none: nobody was asked.
    `months` is read where groups are months; of two names each group is a pair.
    """
    if not any(name in attributes for name in by):
        return count_cells(connection, period, by, months)
    q, r, c = t.survey_request.c, t.response.c, t.customer.c
    asked_at, owner = sa.func.coalesce(q.asked_at, r.asked_at), sa.func.coalesce(q.customer, r.customer)
    answers: sa.FromClause = t.response.outerjoin(t.survey_request, q.id == r.request)
    asked: sa.FromClause = t.survey_request
    of_people = any(name in OF_CUSTOMERS or name in attributes for name in by)
    if of_people or period.segment or period.without or period.language:
        answers, asked = answers.outerjoin(t.customer, c.id == owner), asked.outerjoin(t.customer, c.id == q.customer)
    of_answers, of_questions = columns_by(connection, by, months, attributes)
    keys = (of_answers, sa.func.coalesce(q.step, r.touchpoint))
    wanted = [
        r.question.is_(None),
        r.place.is_(None),
        *within(asked_at, period),
        *chosen(period, TRIGGER, TOUCHPOINT, LANGUAGE),
    ]
    figures = answered(connection, answers, wanted, keys)
    wanted = [q.question.is_(None), *within(q.asked_at, period), *chosen(period, q.trigger, q.step, q.language)]
    for key, more in requested(connection, asked, wanted, (of_questions, q.step)):
        figures[key] = figures.get(key, Figures()) + more
    return figures


def count_cells(connection: Connection, period: Filters, by: Sequence[str], months: Months) -> dict[Cell, Figures]:
    """Return the same by what the cells are kept by."""
    boundaries = cells.beginnings(months) if "month" in by else []
    answers = cells.answers(connection, period, boundaries)
    asked = cells.asked(connection, period, boundaries, ("asked", "open"))
    figures: dict[Cell, Figures] = {}
    for counted, n, sums in (
        (answers, answers.c.n, sums_of_answers(answers.c)),
        (asked, asked.c.asked, sums_of_questions(asked.c)),
    ):
        group = together(by, {**dict(counted.c.items()), "month": month_of(counted.c.at, months)})
        keys = (counted.c.trigger == RECOVERY, group, named(counted.c.touchpoint))
        query = sa.select(*keys, *map(cells.added, sums.values())).select_from(counted)
        query = query.where(*cells.of_words(counted, period)).group_by(BY_THE_KEYS).having(cells.added(n) > 0)
        for again, name, step, *numbers in connection.execute(query):
            key = (bool(again), str(name), str(step))
            more = Figures(**{count: int(n) for count, n in zip(sums, numbers, strict=True)})
            figures[key] = figures.get(key, Figures()) + more
    return figures


def sums_of_answers(c: Columns) -> dict[str, Column]:
    """Return what is added up of cells of answers, by its name among the figures."""
    scores = {band: [score for score in SCORES if nps.band(score) is band] for band in Band}
    bands = {"promoters": Band.PROMOTER, "passives": Band.PASSIVE, "detractors": Band.DETRACTOR}
    counts: dict[str, Column] = {
        name: sa.case((c.score.in_(scores[band]), c.n), else_=0) for name, band in bands.items()
    }
    return {**counts, "answered": c.requested, "settling": c.settling, "late": c.late}


def sums_of_questions(c: Columns) -> dict[str, Column]:
    """Return what is added up of cells of questions, likewise."""
    return {"asked": c.asked, "open": c.open}


def answered(
    connection: Connection, source: sa.FromClause, conditions: Sequence[sa.ColumnElement[bool]], keys: Keys
) -> dict[Cell, Figures]:
    """Count the answers of a period by group and touchpoint."""
    r = t.response.c
    recovery = sa.func.coalesce(t.survey_request.c.trigger, r.trigger) == RECOVERY
    query = sa.select(
        recovery,
        *map(named, keys),
        *(total(r.band == band.value) for band in (Band.PROMOTER, Band.PASSIVE, Band.DETRACTOR)),
        sa.func.count(r.request),
        total(r.state == ResponseState.SETTLING),
        total(r.late),
    )
    query = query.select_from(source).where(*conditions).group_by(BY_THE_KEYS)
    return {
        (bool(again), str(key), str(step)): Figures(
            int(p), int(s), int(d), answered=int(n), settling=int(still), late=int(late)
        )
        for again, key, step, p, s, d, n, still, late in connection.execute(query)
    }


def requested(
    connection: Connection, source: sa.FromClause, conditions: Sequence[sa.ColumnElement[bool]], keys: Keys
) -> Iterator[tuple[Cell, Figures]]:
    """Count the questions of a period by group and touchpoint."""
    q = t.survey_request.c
    query = sa.select(q.trigger == RECOVERY, *map(named, keys), sa.func.count(), total(q.state == RequestState.OPEN))
    for again, key, step, asked, still_open in connection.execute(
        query.select_from(source).where(*conditions).group_by(BY_THE_KEYS)
    ):
        yield (bool(again), str(key), str(step)), Figures(asked=int(asked), open=int(still_open))


def total(condition: Column) -> Column:
    """Count the rows that meet a condition; of no rows it is NULL."""
    return sa.func.sum(sa.case((condition, 1), else_=0))


def first_and_last_asked(connection: Connection, period: Filters) -> tuple[datetime | None, datetime | None]:
    """Return when the first and the last question of a period was asked, those of other tools included."""
    first, last = None, None
    tables: tuple[tuple[sa.Table, list[Column]], ...] = (
        (t.survey_request, []),
        (t.response, [t.response.c.place.is_(None)]),
    )
    for table, conditions in tables:
        at = table.c.asked_at
        low, high = (  # one by one: SQLite looks up the two ends of an index, but not both at once
            connection.execute(sa.select(end(at)).where(*conditions, *within(at, period))).scalar()
            for end in (sa.func.min, sa.func.max)
        )
        first = min(filter(None, (first, low)), default=None)
        last = max(filter(None, (last, high)), default=None)
    return first, last
