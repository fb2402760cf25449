"""Counts behind the scores by any dimension, or two at once: answers by band, and the questions asked.

By cohort: the questions asked in a period and the answers to them whenever they came. Reads only.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from workers.domain.attributes import Attribute
from workers.domain.reporting import RECOVERY, SCORES, Figures, Filters, nps
from workers.domain.types import Band
from workers.store import tables as t
from workers.store.report import cells
from workers.store.report.computed_columns import COMPUTED_COLUMNS, computed_column
from workers.store.report.dimensions import attribute_column, named, together
from workers.store.report.figures import ASKED_AT, Column, Months, Q, added, month_of, within

BY_THE_KEYS = sa.text("1, 2, 3")
"""PostgreSQL does not see that two expressions with parameters are the same one."""
NO_ATTRIBUTES: Mapping[str, Attribute] = {}
Columns = ReadOnlyColumnCollection[str, Any]
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
    declared = [name for name in by if name in attributes or name in COMPUTED_COLUMNS]
    if declared:

        def beside(at: Column) -> list[Column]:
            return [about_customer(connection, name, at, attributes).label(label(name)) for name in declared]

        answers, asked = with_columns(period, beside)
    else:
        days = cells.days_of(connection, period, cells.beginnings(months) if "month" in by else ())
        answers, asked = cells.answers(days, period), cells.asked(days, period, cells.OF_ITS_ROW)
    figures: dict[Cell, Figures] = {}
    for counted, n, sums in (
        (answers, answers.c.n, sums_of_answers(answers.c)),
        (asked, asked.c.asked, sums_of_questions(asked.c)),
    ):
        columns = {**dict(counted.c.items()), "month": month_of(counted.c.at, months)}
        group = together(by, columns | {name: counted.c[label(name)] for name in declared})
        keys = (counted.c.trigger == RECOVERY, group, named(counted.c.touchpoint))
        query = sa.select(*keys, *map(added, sums.values())).select_from(counted)
        query = query.where(*cells.of_words(counted, period)).group_by(BY_THE_KEYS).having(added(n) > 0)
        for again, name, step, *numbers in connection.execute(query):
            key = (bool(again), str(name), str(step))
            more = Figures(**{count: int(n) for count, n in zip(sums, numbers, strict=True)})
            figures[key] = figures.get(key, Figures()) + more
    return figures


def about_customer(connection: Connection, name: str, at: Column, attributes: Mapping[str, Attribute]) -> Column:
    """Return what is known of the customer by one name: a declared attribute, or what is computed as of an instant."""
    if name in attributes:
        return attribute_column(connection, attributes[name])
    return computed_column(connection, name, at)


def with_columns(period: Filters, beside: Callable[[Column], list[Column]]) -> tuple[sa.Subquery, sa.Subquery]:
    """Return the answers and the questions of a period row by row, with columns as of when each was asked.

    No cell is kept by them.
    """
    answers = cells.every_answer(lambda asked_at: within(asked_at, period))
    asked = cells.question_rows(cells.OF_ITS_ROW, *within(Q.asked_at, period))
    return (
        sa.union_all(*(rows.add_columns(*beside(ASKED_AT)) for rows in answers)).subquery(),
        asked.add_columns(*beside(Q.asked_at)).subquery(),
    )


def label(attribute: str) -> str:
    """Return what an attribute is called beside the columns of cells, whose names it may bear."""
    return f"attribute_{attribute}"


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
