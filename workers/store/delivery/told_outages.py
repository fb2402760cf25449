"""What roles find away, as rows: so that another process, such as `boucle status`, can say it.

Each role keeps its own rows and looks them through again and again; what nobody looked at for a while is over, because
its role has ended. Counted in the database's own time.
"""

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.process.outages import Outage
from workers.store import tables
from workers.store.engine import database_now

FRESH = timedelta(seconds=60)


def keep(connection: Connection, seen_by: str, outages: Sequence[Outage]) -> None:
    """Replace what one role finds away, and forget what nobody looks at any more."""
    o, now = tables.outage.c, database_now(connection)
    connection.execute(sa.delete(tables.outage).where(sa.or_(o.seen_by == seen_by, o.seen_at < now - FRESH)))
    rows = [
        {"part": outage.part, "seen_by": seen_by, "since": outage.since, "reason": outage.reason, "seen_at": now}
        for outage in outages
    ]
    if rows:
        connection.execute(sa.insert(tables.outage), rows)


def list_away(connection: Connection) -> list[Outage]:
    """Return what some role finds away now, each part once, since the earliest that one of them knows."""
    o = tables.outage.c
    fresh = o.seen_at >= database_now(connection) - FRESH
    away: dict[str, Outage] = {}
    for part, since, reason in connection.execute(sa.select(o.part, o.since, o.reason).where(fresh).order_by(o.since)):
        away.setdefault(str(part), Outage(str(part), since, str(reason)))
    return list(away.values())
