"""What would leave next: mails that are ready, and touchpoints that come due. Reads only."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.types import DispatchState, TouchpointState
from workers.store import tables


@dataclass(frozen=True, slots=True)
class ReadyMail:
    """One mail that waits to leave; texts are empty where nothing is known."""

    at: datetime
    crm_id: str
    template: str
    language: str
    mail_class: str


@dataclass(frozen=True, slots=True)
class PlannedMail:
    """One touchpoint that comes due, with the row of the journey plan that made it."""

    at: datetime
    crm_id: str
    template: str
    language: str
    rule: str
    trigger: str
    reference: str


def ready_mails(connection: Connection, most: int) -> list[ReadyMail]:
    """Return the mails that are ready or claimed, the earliest first."""
    customer, dispatch = tables.customer.c, tables.dispatch.c
    query = (
        sa.select(dispatch.not_before, customer.crm_id, dispatch.template, dispatch.language, dispatch.mail_class)
        .join(tables.customer, customer.id == dispatch.customer)
        .where(dispatch.kind == "mail", dispatch.state.in_((DispatchState.READY, DispatchState.LEASED)))
        .order_by(dispatch.not_before)
        .limit(most)
    )
    return [ReadyMail(at, *(str(text or "") for text in texts)) for at, *texts in connection.execute(query)]


def planned_mails(connection: Connection, most: int) -> list[PlannedMail]:
    """Return the touchpoints that are planned, the earliest first."""
    customer, touchpoint = tables.customer.c, tables.touchpoint.c
    query = (
        sa.select(
            touchpoint.wake_at,
            customer.crm_id,
            touchpoint.template,
            customer.language,
            touchpoint.rule,
            touchpoint.trigger,
            touchpoint.reference,
        )
        .join(tables.customer, customer.id == touchpoint.customer)
        .where(touchpoint.state == TouchpointState.PLANNED)
        .order_by(touchpoint.wake_at)
        .limit(most)
    )
    return [PlannedMail(at, *(str(text or "") for text in texts)) for at, *texts in connection.execute(query)]
