"""Outbox relay: the outbox goes to Kafka in order, one relay at a time; a row is deleted after the broker has it.

Without a broker the rows go to a file instead. Never "id > last seen": a lower id can commit later.
"""

import math
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import sqlalchemy as sa

from workers.store import tables
from workers.store.connection import Connection
from workers.store.engine import Store, database_now

RELAY_AT_MOST = 500


class Outlet(Protocol):
    """Takes messages: a broker or a file."""

    def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Hand over (topic, key, value) in order and return when all are kept; raises NotNow when it is away."""


class OutboxRelay:
    """Moves the outbox on; a lease row lets one relay work at a time."""

    def __init__(self, store: Store, outlet: Outlet, holder: str, *, lease_seconds: float = 30.0) -> None:
        self._store = store
        self._outlet = outlet
        self._holder = holder
        self._lease = lease_seconds

    def relay_all(self, seconds: float = math.inf) -> int:
        """Relay what there is, begin nothing more after some seconds, and return how many messages left.

        0 when another relay has the lease.
        """
        total, until = 0, time.monotonic() + seconds
        while count := self.relay_some():
            total += count
            if time.monotonic() >= until:
                break
        return total

    def relay_some(self) -> int:
        """Relay some messages in id order; published twice, never lost, when killed between the two."""
        if not self._store.write(self._take_lease):
            return 0
        table = tables.outbox
        with self._store.reading() as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.id).limit(RELAY_AT_MOST)).all()
        if not rows:
            return 0
        self._outlet.publish([(str(row.topic), str(row.key), bytes(row.value)) for row in rows])
        ids = [row.id for row in rows]
        self._store.write(lambda connection: connection.execute(sa.delete(table).where(table.c.id.in_(ids))))
        return len(ids)

    def _take_lease(self, connection: Connection) -> bool:
        return acquire_lease(connection, "relay", self._holder, self._lease)


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
