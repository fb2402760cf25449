"""What support has to call and who is there to do so, and how questions were answered: counted, a figure a query."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.survey.planning.support_room import Past
from workers.domain.types import RequestState, TicketState
from workers.store import tables
from workers.store.roster import AGENT

UNHAPPY_UP_TO = 6


def count_agents(connection: Connection, at: datetime) -> tuple[int, int]:
    """Return how many agents there are, and how many of them are there at an instant."""
    c = tables.user.c
    there = sa.case((sa.or_(c.away_until.is_(None), c.away_until <= at), 1))
    query = sa.select(sa.func.count(), sa.func.count(there)).where(c.role == AGENT)
    everybody, present = connection.execute(query).one()
    return int(everybody), int(present)


def count_to_call(connection: Connection, until: datetime) -> int:
    """Return how many tickets wait for their first call, and not until after an instant."""
    c = tables.ticket.c
    waits = sa.and_(c.state == TicketState.WAITING, c.waiting_until > until)
    query = sa.select(sa.func.count()).select_from(tables.ticket)
    query = query.where(c.state != TicketState.DONE, c.first_contact_at.is_(None), sa.not_(waits))
    return int(connection.execute(query).scalar_one())


def count_unanswered(connection: Connection, since: datetime) -> int:
    """Return how many questions were asked since an instant and wait for an answer."""
    c = tables.survey_request.c
    query = sa.select(sa.func.count()).select_from(tables.survey_request)
    return int(connection.execute(query.where(c.asked_at >= since, c.state == RequestState.OPEN)).scalar_one())


def count_past(connection: Connection, since: datetime, until: datetime) -> Past:
    """Return how the questions were answered that were asked from one instant to another."""
    request, response = tables.survey_request.c, tables.response.c
    asked = sa.select(sa.func.count()).where(request.asked_at >= since, request.asked_at < until)
    low = sa.case((response.score <= UNHAPPY_UP_TO, 1))
    answered = sa.select(sa.func.count(), sa.func.count(low)).where(
        response.request.is_not(None), response.asked_at >= since, response.asked_at < until
    )
    n, unhappy = connection.execute(answered).one()
    return Past(int(connection.execute(asked).scalar_one()), int(n), int(unhappy))
