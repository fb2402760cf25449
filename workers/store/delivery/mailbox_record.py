"""What the mails to one address came to, the newest first. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.types import DispatchState
from workers.store import tables as t

ENDS = (DispatchState.ACCEPTED, DispatchState.BOUNCED, DispatchState.FAILED)


@dataclass(frozen=True, slots=True)
class MailEnd:
    """How one mail ended; `accepted_at` is None where no server took it."""

    state: DispatchState
    reason: str
    detail: str
    accepted_at: datetime | None
    ended_at: datetime


def latest_ends(connection: Connection, customer: str | None, address: str, most: int) -> Iterator[MailEnd]:
    """Give how the last mails to a customer's address ended, the newest first."""
    d = t.dispatch.c
    at = sa.func.coalesce(d.changed_at, d.accepted_at, type_=t.Instant())
    theirs = (d.customer == customer, d.recipient == address, d.kind == "mail", d.state.in_(ENDS))
    query = sa.select(d.state, d.reason, d.detail, d.accepted_at, at).where(*theirs).order_by(at.desc()).limit(most)
    for row in connection.execute(query):
        yield MailEnd(*row)
