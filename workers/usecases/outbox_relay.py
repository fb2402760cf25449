"""Outbox relay: the outbox goes to Kafka in order, one relay at a time; a row is deleted after the broker has it.

Without a broker the rows go to a file instead. Never "id > last seen": a lower id can commit later.
"""

import math
import time
from collections.abc import Sequence
from typing import Protocol

from workers.store.connection import Connection
from workers.store.delivery.outbox import delete_messages, first_messages
from workers.store.engine import Store
from workers.store.operation.leases import acquire_lease

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
        with self._store.reading() as connection:
            messages = first_messages(connection, RELAY_AT_MOST)
        if not messages:
            return 0
        self._outlet.publish([(message.topic, message.key, message.value) for message in messages])
        ids = [message.id for message in messages]
        self._store.write(lambda connection: delete_messages(connection, ids))
        return len(ids)

    def _take_lease(self, connection: Connection) -> bool:
        return acquire_lease(connection, "relay", self._holder, self._lease)
