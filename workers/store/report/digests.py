"""What a weekly digest says, read for one owner or for everybody: tickets, answers, comments, what was done. Reads."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Ticket
from workers.domain.reporting import RECOVERY, Figures, Filters
from workers.domain.ticket.outcomes import RECOVERING
from workers.domain.types import Band, TicketState
from workers.store import tables as t
from workers.store.report.figures import ANSWERS, TOUCHPOINT, C, Condition, R, of_answers, of_any_answers, total

K = t.ticket.c
RANK = {Band.DETRACTOR: 0, Band.PASSIVE: 1, Band.PROMOTER: 2}
BAND_ORDER = {str(band): place for band, place in RANK.items()}


def owns_customers(connection: Connection, owner: str) -> bool:
    """Tell whether the CRM calls somebody the owner of any customer."""
    query = sa.select(sa.literal(1)).where(C.owner == owner, C.erased_at.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def of_owner(owner: str) -> list[Condition]:
    """Return the condition of a customer's owner; none for everybody's."""
    return [C.owner == owner] if owner else []


def of_holder(owner: str) -> list[Condition]:
    """Return the condition of a ticket's owner; none for everybody's."""
    return [K.owner == owner] if owner else []


def opened(connection: Connection, owner: str, since: datetime, until: datetime) -> int:
    """Count the tickets that were opened in a time and are open still."""
    query = sa.select(sa.func.count()).select_from(t.ticket)
    open_since = (K.state != TicketState.DONE, K.opened_at >= since, K.opened_at < until)
    return int(connection.execute(query.where(*open_since, *of_holder(owner))).scalar_one())


def past_first_contact(connection: Connection, owner: str, now: datetime) -> list[Ticket]:
    """Return the tickets that are not done and past the time of their first contact, met or not."""
    query = sa.select(t.ticket).where(K.state != TicketState.DONE, K.due_at <= now, *of_holder(owner))
    return [Ticket(*row) for row in connection.execute(query)]


def won_back(connection: Connection, owner: str, since: datetime, until: datetime) -> int:
    """Count the tickets whose customer was asked again, answered in a time, and whose band rose."""
    first = t.response.alias("first").c
    band, before = (sa.case(BAND_ORDER, value=sa.cast(column, sa.Text())) for column in (R.band, first.band))
    again = (R.trigger == RECOVERY, R.answered_at >= since, R.answered_at < until, R.question.is_(None))
    joined = t.response.join(t.ticket, sa.and_(K.id == R.parent, K.customer == R.customer)).join(
        first.id.table, sa.and_(first.id == K.response, first.customer == K.customer)
    )
    query = sa.select(sa.func.count(K.id.distinct())).select_from(joined)
    return int(connection.execute(query.where(*again, band > before, *of_holder(owner))).scalar_one())


def answers(connection: Connection, owner: str, since: datetime, until: datetime) -> int:
    """Count the answers of a time, whatever they were asked."""
    query = sa.select(sa.func.count()).select_from(ANSWERS)
    lately = (R.answered_at >= since, R.answered_at < until, *of_any_answers(Filters()))
    return int(connection.execute(query.where(*lately, *of_owner(owner))).scalar_one())


def scores(connection: Connection, owner: str, filters: Filters, most: int) -> list[tuple[str, Figures]]:
    """Return the NPS of the touchpoints with the most answers to questions of a time."""
    n = sa.func.count()
    bands = (total(R.band == band) for band in (Band.PROMOTER, Band.PASSIVE, Band.DETRACTOR))
    query = sa.select(TOUCHPOINT.label("touchpoint"), *bands).select_from(ANSWERS)
    query = query.where(*of_answers(filters), *of_owner(owner)).group_by(TOUCHPOINT)
    rows = connection.execute(query.order_by(n.desc(), TOUCHPOINT).limit(most))
    return [(str(touchpoint), Figures(*(int(count) for count in counts))) for touchpoint, *counts in rows]


def comments(
    connection: Connection, owner: str, since: datetime, until: datetime, most: int
) -> list[tuple[datetime, int, str | None, str]]:
    """Return the newest comments of a time with instant, score and kind of question."""
    query = sa.select(R.answered_at, R.score, R.question, R.comment).select_from(ANSWERS)
    lately = (R.answered_at >= since, R.answered_at < until, R.comment != "", C.erased_at.is_(None))
    query = query.where(*lately, *of_any_answers(Filters()), *of_owner(owner))
    rows = connection.execute(query.order_by(R.answered_at.desc(), R.id).limit(most))
    return [(at, int(score), question, str(comment)) for at, score, question, comment in rows]


def last_solved(connection: Connection, owner: str, since: datetime, until: datetime) -> tuple[int, str] | None:
    """Return the last ticket of a time that ended well, by number and the sentence that its customer read."""
    query = sa.select(K.number, K.sentence).where(
        K.state == TicketState.DONE, K.outcome.in_(sorted(RECOVERING)), K.sentence != "", *of_holder(owner)
    )
    lately = (K.done_at >= since, K.done_at < until)
    row = connection.execute(query.where(*lately).order_by(K.done_at.desc(), K.number).limit(1)).first()
    return (int(row.number), str(row.sentence)) if row else None
