"""How many survey and promotion mails left today, and how many are due: what the day's bound is held against."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.types import DispatchState
from workers.store import tables
from workers.store.delivery.claim import CAPPED, HELD_BY_US

MAILS = tables.dispatch.c
OF_CAPPED = tables.one_of(MAILS.mail_class, CAPPED)
LEAVING = tables.one_of(MAILS.state, HELD_BY_US)
MIDNIGHT, NOW = (sa.bindparam(name, type_=tables.Instant()) for name in ("midnight", "now"))
COUNTED = sa.select(sa.func.count()).select_from(tables.dispatch)
SENT_TODAY = COUNTED.where(OF_CAPPED, MAILS.kind == "mail", sa.or_(MAILS.accepted_at >= MIDNIGHT, LEAVING))
DUE = COUNTED.where(MAILS.state == DispatchState.READY, MAILS.not_before <= NOW, OF_CAPPED)


def count_sent_since(connection: Connection, midnight: datetime) -> int:
    """Return how many capped mails left since an instant or are leaving right now."""
    return connection.execute(SENT_TODAY, {"midnight": midnight}).scalar_one()


def count_due_capped(connection: Connection, now: datetime) -> int:
    """Return how many capped mails are due and nobody has in hand."""
    return int(connection.execute(DUE, {"now": now}).scalar_one())
