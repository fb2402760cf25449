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
AFTER_REMINDER = sa.and_(
    t.survey_request.c.reminded_at.is_not(None), t.response.c.first_answered_at >= t.survey_request.c.reminded_at
)
"""The condition that the answer came after the question's reminder."""


def clicks(*of: sa.ColumnElement[bool]) -> sa.Subquery:
    """Return the questions that were clicked, and whether a machine may have been at one of the clicks.

    Without conditions the clicks are read once for all questions, which stays good however many they are: asked of each
    question (IN) they are read once only while they fit into `work_mem`. With some, those of few questions.
    """
    c = t.click.c
    suspected = sa.func.max(sa.case((c.signal != "", 1), else_=0)).label("suspected")
    query = sa.select(c.request, suspected).group_by(c.request)
    if of:
        query = query.where(c.request.in_(sa.select(t.survey_request.c.id).where(*of)))
    return query.subquery("clicked")


CLICKED = clicks()


def questions(clicked: sa.Subquery = CLICKED) -> sa.FromClause:
    """Return every question with its answer and its clicks, where there are any: what `of_fate` is a condition on."""
    q = t.survey_request.c
    return t.survey_request.outerjoin(t.response, t.response.c.request == q.id).outerjoin(
        clicked, clicked.c.request == q.id
    )


def of_fate(fate: Fate, clicked: sa.Subquery = CLICKED) -> sa.ColumnElement[bool]:
    """Return the condition that this became of a question, over `questions`."""
    q = t.survey_request.c
    unanswered = sa.not_(ANSWERED)
    still_there = sa.and_(unanswered, q.state.not_in(LOST))
    opened = clicked.c.request.is_not(None)
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
            return sa.and_(unanswered, clicked.c.suspected == 1)
        case Fate.OPEN:
            return q.state == RequestState.OPEN
