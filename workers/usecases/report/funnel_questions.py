"""Questions: whom the counts of the funnel stand for, each as a list, so that a number can be looked into.

What was asked by what became of it, and what was not asked by its reason. Reads only.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from workers.domain.reporting import Filters
from workers.domain.types import TouchpointState
from workers.errors import BadInput
from workers.store import tables as t
from workers.store.connection import Connection
from workers.store.report import figures as stored
from workers.usecases.report import funnel
from workers.usecases.report.funnel import Fate
from workers.usecases.report.nps_by_dimension import Period

PAGE_LENGTH = 40
"""Questions on one page of the list."""
NO_REASON = "none"
"""Stands in an address for a touchpoint that carries no reason: it is not due yet."""


@dataclass(frozen=True, slots=True)
class Listed:
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


def asked(
    connection: Connection, filters: Filters, fate: str, *, page: int = 1, length: int | None = PAGE_LENGTH
) -> tuple[int, list[Listed]]:
    """Return how many questions met a fate, and those of a page, the newest first; raises BadInput for another word."""
    try:
        became = Fate(fate)
    except ValueError as error:
        raise BadInput(f"No question becomes {fate!r}.") from error
    q, c = t.survey_request.c, t.customer.c
    source = funnel.questions().outerjoin(t.customer, c.id == q.customer)
    conditions = [*stored.of_questions(filters), funnel.of_fate(became)]
    columns = (c.crm_id, c.name, stored.SEGMENT, q.step, q.label, q.asked_at, q.state, q.reason)
    query = sa.select(*columns).select_from(source).where(*conditions).order_by(q.asked_at.desc(), q.id)
    return listed(connection, query, page, length, asked=True)


def not_asked(
    connection: Connection,
    filters: Filters,
    state: str,
    reason: str,
    *,
    page: int = 1,
    length: int | None = PAGE_LENGTH,
) -> tuple[int, list[Listed]]:
    """Return how many touchpoints were not asked like this, and those of a page, the latest due first.

    Raises BadInput for a state that is none of theirs.
    """
    if state not in {str(one) for one in TouchpointState if one is not TouchpointState.ASKED}:
        raise BadInput(f"Nothing that was not asked is {state!r}.")
    p, c, j = t.touchpoint.c, t.customer.c, t.journey.c
    source = t.touchpoint.outerjoin(t.customer, c.id == p.customer).outerjoin(t.journey, j.id == p.journey)
    conditions = [
        *stored.of_touchpoints(filters),
        *Period(filters.since, filters.until).holds(p.due_at),
        p.state == TouchpointState(state),
        p.reason == ("" if reason == NO_REASON else reason),
    ]
    columns = (c.crm_id, c.name, stored.SEGMENT, p.step, j.label, p.due_at, p.state, p.reason)
    query = sa.select(*columns).select_from(source).where(*conditions).order_by(p.due_at.desc(), p.journey, p.step)
    return listed(connection, query, page, length, asked=False)


def listed(
    connection: Connection, query: sa.Select[Any], page: int, length: int | None, *, asked: bool
) -> tuple[int, list[Listed]]:
    """Return how many rows a query has, and those of a page."""
    counted = sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
    n = int(connection.execute(counted).scalar_one())
    if length is not None:
        query = query.limit(length).offset((page - 1) * length)
    found = [
        Listed(crm_id or "", name or "", segment, step, label or "", at, str(state), str(reason or ""), asked)
        for crm_id, name, segment, step, label, at, state, reason in connection.execute(query)
    ]
    return n, found
