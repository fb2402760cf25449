"""Leases of roles that one process at a time may have, counted in the database's own time."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables
from workers.store.engine import database_now


def acquire_lease(connection: Connection, role: str, holder: str, seconds: float) -> bool:
    """Take or prolong the lease of a role that one process at a time may have."""
    table = tables.role_lease
    now = database_now(connection)
    query = sa.select(table.c.holder, table.c.until).where(table.c.role == role).with_for_update()
    row = connection.execute(query).first()
    until = now + timedelta(seconds=seconds)
    if row is None:
        connection.execute(sa.insert(table).values(role=role, holder=holder, until=until))
        return True
    if row.holder != holder and row.until > now:
        return False
    connection.execute(sa.update(table).where(table.c.role == role).values(holder=holder, until=until))
    return True
