"""What support has to call, and how questions were answered: counted, what is asked each round in one query."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.reporting.scales import SCALES, kept_as
from workers.domain.survey.support_room import Past
from workers.domain.types import RequestState, TicketState
from workers.store import tables
from workers.store.round_trips import fetch
from workers.store.sign_in.accounts import Role

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


AGENTS = sa.select(sa.func.count()).select_from(tables.user).where(tables.user.c.role == Role.AGENT.value)
WORKS_FROM = sa.bindparam("works_from", type_=tables.Instant())
THERE = AGENTS.where(sa.or_(tables.user.c.away_until.is_(None), tables.user.c.away_until <= WORKS_FROM))
LOAD = sa.select(*(count.scalar_subquery() for count in (AGENTS, THERE, TO_CALL, UNANSWERED)))


@dataclass(frozen=True, slots=True)
class Load:
    """How many agents there are, and are there; tickets that wait for their first call, and not until after the day;
    questions that were asked since the day before ended and wait for an answer."""

    agents: int
    agents_there: int
    to_call: int
    unanswered: int


def read_load(connection: Connection, since: datetime, works_from: datetime, until: datetime) -> Load:
    """Return what support has to do on a working day: of questions asked since, by who is there, until it ends."""
    times = {"since": since, "works_from": works_from, "at": until}
    (load,) = fetch(connection, LOAD, times)
    return Load(*map(int, load))


def count_past(connection: Connection, since: datetime, until: datetime) -> Past:
    """Return how the questions were answered that were asked from one instant to another."""
    times = {"since": since, "until": until}
    ((asked,), (answered, unhappy)) = (*fetch(connection, ASKED, times), *fetch(connection, ANSWERED, times))
    return Past(int(asked), int(answered), int(unhappy))
