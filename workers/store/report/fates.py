"""Fates: what may become of a question, as conditions on its row, its answer and its clicks. Runs nothing."""

from enum import StrEnum

import sqlalchemy as sa

from workers.domain.types import RequestState
from workers.store import tables as t

LOST = (RequestState.UNDELIVERABLE, RequestState.WITHDRAWN)


class Fate(StrEnum):
    """What became of a question; the count of each opens the questions that it counts."""

    ASKED = "asked"
    DELIVERED = "delivered"
    LOST = "lost"
    SILENT = "silent"
    CLICKED = "clicked"
    REMINDED = "reminded"
    MACHINE = "machine"
    OPEN = "open"


ANSWERED = t.response.c.id.is_not(None)
CLICKED = (
    sa.select(t.click.c.request, sa.func.max(sa.case((t.click.c.signal != "", 1), else_=0)).label("suspected"))
    .group_by(t.click.c.request)
    .subquery("clicked")
)
"""The questions that were clicked, and whether a machine may have been at one of the clicks.

To be joined: asked of each question (IN), the clicks are read once for all only while they fit into `work_mem`.
"""


def questions() -> sa.FromClause:
    """Return every question with its answer and its clicks, where there are any: what `of_fate` is a condition on."""
    q = t.survey_request.c
    return t.survey_request.outerjoin(t.response, t.response.c.request == q.id).outerjoin(
        CLICKED, CLICKED.c.request == q.id
    )


def of_fate(fate: Fate) -> sa.ColumnElement[bool]:
    """Return the condition that this became of a question, over `questions`."""
    q = t.survey_request.c
    unanswered = sa.not_(ANSWERED)
    still_there = sa.and_(unanswered, q.state.not_in(LOST))
    opened = CLICKED.c.request.is_not(None)
    match fate:
        case Fate.ASKED:
            return sa.true()
        case Fate.DELIVERED:
            return q.sent_at.is_not(None)
        case Fate.LOST:
            return sa.and_(unanswered, q.state.in_(LOST))
        case Fate.SILENT:
            return sa.and_(still_there, sa.not_(opened))
        case Fate.CLICKED:
            return sa.and_(still_there, opened)
        case Fate.REMINDED:
            return q.reminded_at.is_not(None)
        case Fate.MACHINE:
            return sa.and_(unanswered, CLICKED.c.suspected == 1)
        case Fate.OPEN:
            return q.state == RequestState.OPEN
