"""Who has something due: customers by the partial indexes on what waits. Reads only."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables
from workers.words import ActionState, CustomerId, RequestState, ResponseState, TicketState, TouchpointState

PENDING = (TouchpointState.PLANNED, TouchpointState.HELD)
WAITING = (ActionState.PLANNED, ActionState.HELD)


def touchpoints_due(now: datetime, *, may_ask: bool, paused: Collection[str]) -> sa.ColumnElement[bool]:
    """Return the condition of touchpoints to look at: due, and either askable or past their `give up after`."""
    table = tables.touchpoint
    due = sa.and_(table.c.state.in_(PENDING), table.c.wake_at <= now)
    if not may_ask:
        return sa.and_(due, table.c.give_up_at < now)
    if paused:
        return sa.and_(due, sa.or_(table.c.step.not_in(list(paused)), table.c.give_up_at < now))
    return due


def responses_due(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition of answers that have been still for the settling time."""
    table = tables.response
    return sa.and_(table.c.state == ResponseState.SETTLING, table.c.settles_at <= now)


def actions_due(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition of actions whose wait is over."""
    table = tables.action
    return sa.and_(table.c.state.in_(WAITING), table.c.due_at <= now)


def requests_due(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition of requests whose answer may no longer change."""
    table = tables.survey_request
    return sa.and_(
        table.c.state.in_((RequestState.OPEN, RequestState.ANSWERED)),
        table.c.closes_at <= now,
    )


def tickets_due(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition of waiting tickets whose date has come, and of those that nobody was told are overdue."""
    table = tables.ticket
    waiting = sa.and_(table.c.state == TicketState.WAITING, table.c.waiting_until <= now)
    overdue = sa.and_(table.c.first_contact_at.is_(None), table.c.due_at <= now, table.c.escalated_at.is_(None))
    half_time = sa.and_(table.c.state == TicketState.OPEN, table.c.half_time_at <= now)
    return sa.and_(table.c.state != TicketState.DONE, sa.or_(waiting, overdue, half_time))


def customers_due(
    connection: Connection, now: datetime, limit: int, *, may_ask: bool, paused: Collection[str]
) -> list[CustomerId]:
    """Return customers with something due, those who wait longest first."""
    found: dict[CustomerId, None] = {}
    for table, when, condition in (
        (tables.response, "settles_at", responses_due(now)),
        (tables.action, "due_at", actions_due(now)),
        (tables.ticket, "due_at", tickets_due(now)),
        (tables.touchpoint, "wake_at", touchpoints_due(now, may_ask=may_ask, paused=paused)),
        (tables.survey_request, "closes_at", requests_due(now)),
    ):
        query = sa.select(table.c.customer).where(condition).order_by(table.c[when]).limit(limit)
        for customer in connection.execute(query).scalars():
            found.setdefault(customer)
    return list(found)[:limit]
