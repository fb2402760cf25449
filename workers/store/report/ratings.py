"""The counts behind CSAT and CES: answers by what they answer, touchpoint and score, and the questions. Reads only.

Both are found by the indexes of what is no NPS question, so that a report of an installation without any reads nothing.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.reporting import Filters
from workers.domain.reporting.ratings import RatedCell, RatingCell
from workers.domain.types import RequestState
from workers.store.report.figures import (
    ANSWERS,
    ASKED_AT,
    QUESTIONS,
    TOUCHPOINT,
    TRIGGER,
    Months,
    Q,
    R,
    month_of,
    of_any_answers,
    of_any_questions,
    total,
)

BY = sa.text("1, 2, 3, 4, 5")
BY_TOUCHPOINT = sa.text("1, 2, 3")
"""PostgreSQL does not see that two expressions with parameters are the same one."""


def count_ratings(connection: Connection, filters: Filters, stretches: Months = ()) -> list[RatingCell]:
    """Count the answers to CSAT and CES questions that a report is about; recovery answers are none.

    With stretches of time, by the one in which they were asked.
    """
    stretch = month_of(ASKED_AT, stretches)
    query = sa.select(R.question, TRIGGER, TOUCHPOINT, R.score, stretch, sa.func.count(), sa.func.count(R.request))
    query = query.select_from(ANSWERS).where(R.question.is_not(None), *of_any_answers(filters))
    return [
        RatingCell(str(question), str(trigger), str(touchpoint), int(score), int(n), int(requested), str(asked_in))
        for question, trigger, touchpoint, score, asked_in, n, requested in connection.execute(
            query.group_by(BY).order_by(BY)
        )
    ]


def count_rated(connection: Connection, filters: Filters) -> list[RatedCell]:
    """Count the CSAT and CES questions that a report is about."""
    query = sa.select(Q.question, Q.trigger, Q.step, sa.func.count(), total(Q.state == RequestState.OPEN))
    query = query.select_from(QUESTIONS).where(Q.question.is_not(None), *of_any_questions(filters))
    return [
        RatedCell(str(question), str(trigger), str(touchpoint), int(asked), int(still_open))
        for question, trigger, touchpoint, asked, still_open in connection.execute(
            query.group_by(BY_TOUCHPOINT).order_by(BY_TOUCHPOINT)
        )
    ]
