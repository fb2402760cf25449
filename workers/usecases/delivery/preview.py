"""Preview: the next mails, each with the reason it would be sent, before anything leaves. Reads only."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from workers.domain.types import DispatchState, TouchpointState
from workers.store import tables
from workers.store.connection import Connection

NEXT = 50


@dataclass(frozen=True, slots=True)
class NextMail:
    """One mail that would leave: when, to whom (the CRM's id), in which template, and because of what."""

    at: datetime
    customer: str
    template: str
    language: str
    reason: str

    def as_dict(self) -> dict[str, object]:
        """Return the mail as one JSON value."""
        return {
            "at": self.at.isoformat(),
            "customer": self.customer,
            "template": self.template,
            "language": self.language,
            "reason": self.reason,
        }


def next_mails(connection: Connection, limit: int = NEXT) -> list[NextMail]:
    """Return the next mails: those that are ready, then the touchpoints that come due, earliest first."""
    customer, dispatch, touchpoint = tables.customer, tables.dispatch, tables.touchpoint
    ready = (
        sa.select(
            dispatch.c.not_before, customer.c.crm_id, dispatch.c.template, dispatch.c.language, dispatch.c.mail_class
        )
        .join(customer, customer.c.id == dispatch.c.customer)
        .where(dispatch.c.kind == "mail", dispatch.c.state.in_((DispatchState.READY, DispatchState.LEASED)))
        .order_by(dispatch.c.not_before)
        .limit(limit)
    )
    due = (
        sa.select(
            touchpoint.c.wake_at,
            customer.c.crm_id,
            touchpoint.c.template,
            customer.c.language,
            touchpoint.c.rule,
            touchpoint.c.trigger,
            touchpoint.c.reference,
        )
        .join(customer, customer.c.id == touchpoint.c.customer)
        .where(touchpoint.c.state == TouchpointState.PLANNED)
        .order_by(touchpoint.c.wake_at)
        .limit(limit)
    )
    found = [
        NextMail(row[0], str(row[1] or ""), str(row[2]), str(row[3] or ""), f"ready to leave ({row[4]})")
        for row in connection.execute(ready)
    ]
    found += [
        NextMail(
            row[0],
            str(row[1] or ""),
            str(row[2]),
            str(row[3] or ""),
            f"row {row[4]} of the journey plan: {row[5]} {row[6]}".strip(),
        )
        for row in connection.execute(due)
    ]
    return sorted(found, key=lambda one: (one.at, one.customer))[:limit]
