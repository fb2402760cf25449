"""What became of the questions of a period, and the touchpoints that were not asked: counted, and listed one by one.

Every count of the funnel adds up from the one above it. Reads only.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.reporting import Filters
from workers.domain.types import RequestState, TouchpointState
from workers.store import tables as t
from workers.store.report import figures as stored
from workers.store.report.nps_counts import total

LOST = (RequestState.UNDELIVERABLE, RequestState.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Funnel:
    """asked = answered + clicked_only + silent + lost; the rest says more of one of these."""

    asked: int
    delivered: int
    answered: int
    commented: int
    answered_after_reminder: int
    clicked_only: int
    silent: int
    lost: int
    reminded: int
    suspected_machine: int


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


@dataclass(frozen=True, slots=True)
class ListedQuestion:
    """One question, or one that was not asked: whose it is, about what, when it was asked or due, where it stands."""

    customer: str
    name: str
    segment: str
    touchpoint: str
    label: str
    at: datetime
    state: str
    reason: str
    asked: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a list: the page, from 1 on, and how many rows each has; None: all rows."""

    number: int = 1
    length: int | None = None


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


def count_asked(connection: Connection, filters: Filters, *, whole_period: bool = False) -> Funnel:
    """Count the questions that a report is about by what became of them; or, with `whole_period`, all of its period."""
    q, r = t.survey_request.c, t.response.c
    conditions = stored.within(q.asked_at, filters) if whole_period else stored.of_questions(filters)
    source = questions().outerjoin(t.customer, t.customer.c.id == q.customer)
    query = sa.select(
        sa.func.count(),
        total(of_fate(Fate.DELIVERED)),
        total(ANSWERED),
        total(sa.and_(ANSWERED, r.comment != "")),
        total(sa.and_(ANSWERED, q.reminded_at.is_not(None), r.first_answered_at >= q.reminded_at)),
        total(of_fate(Fate.CLICKED)),
        total(of_fate(Fate.LOST)),
        total(of_fate(Fate.REMINDED)),
        total(of_fate(Fate.MACHINE)),
    )
    row = connection.execute(query.select_from(source).where(*conditions)).one()
    n, delivered, yes, commented, late, opened, gone, reminded, suspected = (int(count or 0) for count in row)
    return Funnel(n, delivered, yes, commented, late, opened, n - yes - opened - gone, gone, reminded, suspected)


def count_not_asked(
    connection: Connection, filters: Filters, *, whole_period: bool = False
) -> list[tuple[str, str, int]]:
    """Count the touchpoints due in a period that were not asked by state and reason, the most frequent first.

    Those that a report is about; or, with `whole_period`, all of its period.
    """
    p = t.touchpoint.c
    n = sa.func.count()
    more = [] if whole_period else stored.of_touchpoints(filters)
    query = sa.select(p.state, p.reason, n).where(
        p.state != TouchpointState.ASKED, *stored.within(p.due_at, filters), *more
    )
    return [
        (str(state), str(code), int(count))
        for state, code, count in connection.execute(
            query.group_by(p.state, p.reason).order_by(n.desc(), p.state, p.reason)
        )
    ]


def list_asked(connection: Connection, filters: Filters, fate: Fate, page: Page) -> tuple[int, list[ListedQuestion]]:
    """Return how many questions met a fate, and those of a page, the newest first."""
    q, c = t.survey_request.c, t.customer.c
    source = questions().outerjoin(t.customer, c.id == q.customer)
    conditions = [*stored.of_questions(filters), of_fate(fate)]
    columns = (c.crm_id, c.name, stored.SEGMENT, q.step, q.label, q.asked_at, q.state, q.reason)
    query = sa.select(*columns).select_from(source).where(*conditions).order_by(q.asked_at.desc(), q.id)
    return listed(connection, query, page, asked=True)


def list_not_asked(
    connection: Connection, filters: Filters, state: TouchpointState, reason: str, page: Page
) -> tuple[int, list[ListedQuestion]]:
    """Return how many touchpoints were not asked for a reason, and those of a page, the latest due first."""
    p, c, j = t.touchpoint.c, t.customer.c, t.journey.c
    source = t.touchpoint.outerjoin(t.customer, c.id == p.customer).outerjoin(t.journey, j.id == p.journey)
    conditions = [
        *stored.of_touchpoints(filters),
        *stored.within(p.due_at, filters),
        p.state == state,
        p.reason == reason,
    ]
    columns = (c.crm_id, c.name, stored.SEGMENT, p.step, j.label, p.due_at, p.state, p.reason)
    query = sa.select(*columns).select_from(source).where(*conditions).order_by(p.due_at.desc(), p.journey, p.step)
    return listed(connection, query, page, asked=False)


def listed(
    connection: Connection, query: sa.Select[Any], page: Page, *, asked: bool
) -> tuple[int, list[ListedQuestion]]:
    """Return how many rows a query has, and those of a page."""
    counted = sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
    n = int(connection.execute(counted).scalar_one())
    if page.length is not None:
        query = query.limit(page.length).offset((page.number - 1) * page.length)
    questions = [
        ListedQuestion(crm_id or "", name or "", segment, step, label or "", at, str(state), str(reason or ""), asked)
        for crm_id, name, segment, step, label, at, state, reason in connection.execute(query)
    ]
    return n, questions
