"""What became of the questions of a period, and the touchpoints that were not asked: counted, and listed one by one.

Every count of the funnel adds up from the one above it. Reads only.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.reporting import Filters
from workers.domain.types import TouchpointState
from workers.store import tables as t
from workers.store.report import cells
from workers.store.report import figures as stored
from workers.store.report.fates import Fate, of_fate, questions


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


NotAsked = dict[tuple[str, str], int]
"""Touchpoints that were not asked by state and reason."""
FATES = (
    "asked",
    "delivered",
    "answered",
    "commented",
    "after_reminder",
    "clicked",
    "lost",
    "reminded",
    "suspected",
)
"""The counts of a funnel, as the cells of questions name them."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a list: the page, from 1 on, and how many rows each has; None: all rows."""

    number: int = 1
    length: int | None = None


def count_asked(connection: Connection, filters: Filters, *, whole_period: bool = False) -> Funnel:
    """Count the questions that a report is about by what became of them; or, with `whole_period`, all of its period."""
    asked = cells.asked(cells.days_of(connection, filters), filters, FATES)
    conditions = [] if whole_period else cells.chosen(asked, filters)
    row = connection.execute(sa.select(*(stored.added(asked.c[name]) for name in FATES)).where(*conditions)).one()
    n, delivered, yes, commented, late, opened, gone, reminded, suspected = (int(count) for count in row)
    return Funnel(n, delivered, yes, commented, late, opened, n - yes - opened - gone, gone, reminded, suspected)


def count_not_asked(connection: Connection, filters: Filters, *, whole_period: bool = False) -> NotAsked:
    """Count the touchpoints due in a period that were not asked by state and reason.

    Those that a report is about; or, with `whole_period`, all of its period.
    """
    more = [] if whole_period else stored.of_touchpoints(filters)
    return grouped(connection, *stored.within(t.touchpoint.c.due_at, filters), *more)


def count_recovery_not_asked(connection: Connection) -> NotAsked:
    """Count the touchpoints of recovery surveys that were not asked, whenever due."""
    return grouped(connection, t.touchpoint.c.trigger == stored.THE_WORD_RECOVERY)


def grouped(connection: Connection, *conditions: sa.ColumnElement[bool]) -> NotAsked:
    """Count touchpoints that were not asked and meet some conditions by state and reason."""
    p = t.touchpoint.c
    query = sa.select(p.state, p.reason, sa.func.count()).where(p.state != TouchpointState.ASKED, *conditions)
    rows = connection.execute(query.group_by(p.state, p.reason))
    return {(str(state), str(code)): int(n) for state, code, n in rows}


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
