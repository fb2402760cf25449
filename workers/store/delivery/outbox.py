"""The outbox as an operator watches it: for how long its oldest message has waited. Reads only."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables
from workers.store.engine import database_now

FIRST = sa.select(sa.func.min(tables.outbox.c.id)).scalar_subquery()
OLDEST = sa.select(tables.outbox.c.at).where(tables.outbox.c.id == FIRST)


def outbox_age(connection: Connection) -> float:
    """Return for how many seconds of the database's clock the first message has waited.

    0 when none does, or when a release that kept no time left it.
    """
    since = connection.execute(OLDEST).scalar()
    return max(0.0, (database_now(connection) - since).total_seconds()) if since else 0.0
