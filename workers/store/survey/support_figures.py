"""What support has to call, and how questions were answered: counted, a figure a query."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.reporting.scales import SCALES, kept_as
from workers.domain.survey.support_room import Past
from workers.domain.types import RequestState, TicketState
from workers.store import tables

AT = sa.bindparam("at", type_=tables.Instant())
SINCE, UNTIL = (sa.bindparam(name, type_=tables.Instant()) for name in ("since", "until"))
TICKET, REQUEST, RESPONSE = tables.ticket.c, tables.survey_request.c, tables.response.c
TO_CALL = (
    sa.select(sa.func.count())
    .select_from(tables.ticket)
    .where(
        TICKET.state != TicketState.DONE,
        TICKET.first_contact_at.is_(None),
        sa.or_(TICKET.waiting_until.is_(None), TICKET.waiting_until <= AT),
    )
)
UNANSWERED = (
    sa.select(sa.func.count())
    .select_from(tables.survey_request)
    .where(REQUEST.asked_at >= SINCE, REQUEST.state == RequestState.OPEN)
)
ASKED = (
    sa.select(sa.func.count())
    .select_from(tables.survey_request)
    .where(REQUEST.asked_at >= SINCE, REQUEST.asked_at < UNTIL)
)
UNHAPPY = sa.or_(
    *(
        sa.and_(RESPONSE.question.is_not_distinct_from(kept_as(kind)), RESPONSE.score <= scale.low_up_to)
        for kind, scale in SCALES.items()
    )
)
ANSWERED = (
    sa.select(sa.func.count(), sa.func.count(sa.case((UNHAPPY, 1))))
    .select_from(tables.response)
    .where(RESPONSE.request.is_not(None), RESPONSE.asked_at >= SINCE, RESPONSE.asked_at < UNTIL)
)


def count_to_call(connection: Connection, until: datetime) -> int:
    """Return how many tickets wait for their first call, and not until after an instant."""
    return int(connection.execute(TO_CALL, {"at": until}).scalar_one())


def count_unanswered(connection: Connection, since: datetime) -> int:
    """Return how many questions were asked since an instant and wait for an answer."""
    return int(connection.execute(UNANSWERED, {"since": since}).scalar_one())


def count_past(connection: Connection, since: datetime, until: datetime) -> Past:
    """Return how the questions were answered that were asked from one instant to another."""
    times = {"since": since, "until": until}
    answered, unhappy = connection.execute(ANSWERED, times).one()
    return Past(int(connection.execute(ASKED, times).scalar_one()), int(answered), int(unhappy))
