"""Leases of roles that one process at a time may have, or that several divide, counted in the database's own time."""

from collections.abc import Collection
from datetime import datetime, timedelta

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


SEVERAL = "several"
"""Holds the lease of a role that processes divide, so that none which wants it alone comes between."""


def acquire_shares(connection: Connection, role: str, holder: str, seconds: float, of: int) -> list[int]:
    """Take or prolong this process's part of a role that is cut into so many shares, and return its shares.

    Every process that has called within `seconds` gets as many, give or take one. A share that another still holds
    is waited for until that one calls again, or its time is over; so no two ever hold one. None while a process has
    the role alone.
    """
    if not acquire_lease(connection, role, SEVERAL, seconds):  # and who comes here at the same time waits
        return []
    table, now = tables.role_lease, database_now(connection)
    until = now + timedelta(seconds=seconds)
    keep(connection, [f"{role}/of/{holder}"], holder, until)
    query = sa.select(table.c.role, table.c.holder, table.c.until).where(table.c.role.startswith(f"{role}/"))
    leases = connection.execute(query).all()
    present = sorted({lease.holder for lease in leases if "/of/" in lease.role and lease.until > now})
    gone = [lease.role for lease in leases if "/of/" in lease.role and lease.until <= now]
    connection.execute(sa.delete(table).where(table.c.role.in_(gone)))
    held = {lease.role: lease.holder for lease in leases if lease.until > now}
    due = [share for share in range(of) if present[share % len(present)] == holder]
    mine = [share for share in due if held.get(share_name(role, share), holder) == holder]
    keep(connection, [share_name(role, share) for share in mine], holder, until)
    release(connection, holder, [share_name(role, share) for share in range(of) if share not in mine])
    return mine


def release_shares(connection: Connection, role: str, holder: str, of: int) -> None:
    """Leave a divided role, so that the others need not wait until this process's time is over."""
    release(connection, holder, [f"{role}/of/{holder}", *(share_name(role, share) for share in range(of))])


def share_name(role: str, share: int) -> str:
    """Return the name of the lease of one share."""
    return f"{role}/{share}"


def keep(connection: Connection, roles: Collection[str], holder: str, until: datetime) -> None:
    """Write leases that are known to be this process's to take."""
    table = tables.role_lease
    update = sa.update(table).where(table.c.role.in_(list(roles))).values(holder=holder, until=until)
    stored = set(connection.execute(update.returning(table.c.role)).scalars())
    rows = [{"role": role, "holder": holder, "until": until} for role in roles if role not in stored]
    if rows:
        connection.execute(sa.insert(table), rows)


def release(connection: Connection, holder: str, roles: Collection[str]) -> None:
    """Give back some leases, as far as this process holds them."""
    table = tables.role_lease
    connection.execute(sa.delete(table).where(table.c.role.in_(list(roles)), table.c.holder == holder))
