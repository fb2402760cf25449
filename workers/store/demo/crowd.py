"""What has reached people since the last look: mails that left, tickets that opened, wishes. Reads only."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Ticket
from workers.domain.types import DispatchState, RequestState, TextState, TicketState
from workers.store import tables


@dataclass(frozen=True, slots=True)
class ArrivedMail:
    """One mail that its server took, with what it is about; None for what it has none of."""

    template: str
    accepted_at: datetime
    request: str | None
    response: str | None
    crm_id: str | None
    step: str | None
    reference: str | None
    anchor_at: datetime | None
    survey: str | None
    request_state: RequestState | None
    response_anchor: datetime | None


def mails_arrived(connection: Connection, after: datetime, until: datetime) -> list[ArrivedMail]:
    """Return the mails that were taken after one instant and up to another."""
    dispatch, request, response = tables.dispatch.c, tables.survey_request.c, tables.response.c
    columns = (
        dispatch.template,
        dispatch.accepted_at,
        dispatch.request,
        dispatch.response,
        tables.customer.c.crm_id,
        request.step,
        request.reference,
        request.anchor_at,
        request.template.label("survey"),
        request.state.label("request_state"),
        response.anchor_at.label("response_anchor"),
    )
    query = (
        sa.select(*columns)
        .join(tables.customer, tables.customer.c.id == dispatch.customer)
        .outerjoin(tables.survey_request, request.id == dispatch.request)
        .outerjoin(tables.response, response.id == dispatch.response)
        .where(dispatch.state == DispatchState.ACCEPTED, dispatch.accepted_at > after, dispatch.accepted_at <= until)
    )
    return [ArrivedMail(*row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class ArrivedText:
    """One SMS that its carrier took: what it says (`message`), and its question; the score where one was given."""

    message: str
    crm_id: str | None
    step: str
    reference: str
    anchor_at: datetime
    survey: str
    score: int | None


def texts_arrived(connection: Connection, after: datetime, until: datetime) -> list[ArrivedText]:
    """Return the SMS that were taken after one instant and up to another."""
    message, request = tables.sms_message.c, tables.survey_request.c
    columns = (
        message.message,
        tables.customer.c.crm_id,
        request.step,
        request.reference,
        request.anchor_at,
        request.template,
        tables.response.c.score,
    )
    query = (
        sa.select(*columns)
        .join(tables.customer, tables.customer.c.id == message.customer)
        .join(tables.survey_request, sa.and_(request.id == message.dialogue, request.customer == message.customer))
        .outerjoin(tables.response, tables.response.c.request == message.dialogue)
        .where(message.state == TextState.SENT, message.changed_at > after, message.changed_at <= until)
    )
    return [ArrivedText(*row) for row in connection.execute(query)]


def tickets_opened(connection: Connection) -> list[tuple[Ticket, str]]:
    """Return the tickets that nobody has claimed, each with its customer's CRM id."""
    query = (
        sa.select(tables.ticket, tables.customer.c.crm_id)
        .join(tables.customer, tables.customer.c.id == tables.ticket.c.customer)
        .where(tables.ticket.c.state == TicketState.OPEN)
    )
    return [(Ticket(*row[:-1]), str(row[-1])) for row in connection.execute(query)]


def texts_written(connection: Connection) -> list[tuple[str, str, str]]:
    """Return (response, improvement, comment) of the answers that have either, in the order of time."""
    r = tables.response.c
    query = sa.select(r.id, r.improvement, r.comment).where(sa.or_(r.improvement != "", r.comment != ""))
    rows = connection.execute(query.order_by(r.answered_at, r.id))
    return [(str(key), str(improvement), str(comment)) for key, improvement, comment in rows]


def any_customer(connection: Connection) -> bool:
    """Tell whether a database holds a customer."""
    return connection.execute(sa.select(tables.customer.c.id).limit(1)).first() is not None


def count_visitors(connection: Connection, prefix: str) -> int:
    """Return how many customers have a CRM id that begins so."""
    query = sa.select(sa.func.count()).select_from(tables.customer)
    return int(connection.execute(query.where(tables.customer.c.crm_id.startswith(prefix))).scalar_one())
