"""What has reached people since the last look: mails that left, tickets that opened, wishes. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
    question: str | None


AFTER, UNTIL = (sa.bindparam(name, type_=tables.Instant()) for name in ("after", "until"))
DISPATCH, REQUEST = tables.dispatch.c, tables.survey_request.c
RESPONSE, MESSAGE = tables.response.c, tables.sms_message.c
MAILS: sa.Select[Any] = (
    sa.select(
        *(DISPATCH.template, DISPATCH.accepted_at, DISPATCH.request, DISPATCH.response, tables.customer.c.crm_id),
        *(REQUEST.step, REQUEST.reference, REQUEST.anchor_at, REQUEST.template.label("survey")),
        *(REQUEST.state.label("request_state"), RESPONSE.anchor_at.label("response_anchor"), REQUEST.question),
    )
    .join(tables.customer, tables.customer.c.id == DISPATCH.customer)
    .outerjoin(tables.survey_request, REQUEST.id == DISPATCH.request)
    .outerjoin(tables.response, RESPONSE.id == DISPATCH.response)
    .where(DISPATCH.state == DispatchState.ACCEPTED, DISPATCH.accepted_at > AFTER, DISPATCH.accepted_at <= UNTIL)
)
TEXTS = (
    sa.select(
        *(MESSAGE.message, tables.customer.c.crm_id, REQUEST.step, REQUEST.reference, REQUEST.anchor_at),
        *(REQUEST.template, RESPONSE.score),
    )
    .join(tables.customer, tables.customer.c.id == MESSAGE.customer)
    .join(tables.survey_request, sa.and_(REQUEST.id == MESSAGE.dialogue, REQUEST.customer == MESSAGE.customer))
    .outerjoin(tables.response, RESPONSE.request == MESSAGE.dialogue)
    .where(MESSAGE.state == TextState.SENT, MESSAGE.changed_at > AFTER, MESSAGE.changed_at <= UNTIL)
)
TICKETS = (
    sa.select(tables.ticket, tables.customer.c.crm_id)
    .join(tables.customer, tables.customer.c.id == tables.ticket.c.customer)
    .where(tables.ticket.c.state == TicketState.OPEN)
)
"""Built once: building a statement costs more than running it."""


def mails_arrived(connection: Connection, after: datetime, until: datetime) -> list[ArrivedMail]:
    """Return the mails that were taken after one instant and up to another."""
    return [ArrivedMail(*row) for row in connection.execute(MAILS, {"after": after, "until": until})]


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
    return [ArrivedText(*row) for row in connection.execute(TEXTS, {"after": after, "until": until})]


def tickets_opened(connection: Connection) -> list[tuple[Ticket, str]]:
    """Return the tickets that nobody has claimed, each with its customer's CRM id."""
    return [(Ticket(*row[:-1]), str(row[-1])) for row in connection.execute(TICKETS)]


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
