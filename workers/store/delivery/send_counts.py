"""How many survey and promotion mails left today, and how many are due: what the day's bound is held against."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.types import DispatchState
from workers.store import tables
from workers.store.delivery.claim import CAPPED, HELD_BY_US

MAILS = tables.dispatch.c
OF_CAPPED = sa.and_(tables.one_of(MAILS.mail_class, CAPPED), MAILS.kind == "mail")
MIDNIGHT, NOW = (sa.bindparam(name, type_=tables.Instant()) for name in ("midnight", "now"))
COUNTED = sa.select(sa.func.count()).select_from(tables.dispatch)
ACCEPTED_TODAY = COUNTED.where(OF_CAPPED, MAILS.accepted_at >= MIDNIGHT)
LEAVING = COUNTED.where(OF_CAPPED, tables.one_of(MAILS.state, HELD_BY_US))
DUE = COUNTED.where(MAILS.state == DispatchState.READY, MAILS.not_before <= NOW, OF_CAPPED)
DAY = "capped "
KEPT = sa.select(sa.cast(sa.func.sum(tables.counter.c.value), sa.BigInteger())).where(
    tables.counter.c.name.startswith(sa.bindparam("day", type_=sa.Text()))
)
"""The day's count and the shares of it that processes keep beside."""


def day_of(midnight: datetime) -> str:
    """Return the name of a day's counter; later days have later names."""
    return f"{DAY}{midnight.astimezone(UTC).isoformat()}"


def count_accepted_since(connection: Connection, midnight: datetime) -> int:
    """Return how many capped mails were accepted since an instant, counted row by row."""
    return connection.execute(ACCEPTED_TODAY, {"midnight": midnight}).scalar_one()


SENT_OR_LEAVING = sa.select(
    sa.func.coalesce(KEPT.scalar_subquery(), ACCEPTED_TODAY.scalar_subquery()) + LEAVING.scalar_subquery()
)
"""By one statement: what another sender records between two would be in neither, and too much would leave."""


def count_sent_since(connection: Connection, midnight: datetime) -> int:
    """Return how many capped mails left since the day began or are leaving right now.

    Read from the day's counter, which who records a mail keeps; counted while there is none.
    """
    named = {"day": day_of(midnight), "midnight": midnight}
    return int(connection.execute(SENT_OR_LEAVING, named).scalar_one())


def count_due_capped(connection: Connection, now: datetime) -> int:
    """Return how many capped mails are due and nobody has in hand."""
    return int(connection.execute(DUE, {"now": now}).scalar_one())
