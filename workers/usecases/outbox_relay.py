"""Outbox relay: the outbox goes to Kafka in the order of each customer; a row is deleted after the broker has it.

Several relays divide the customers by a hash of their key; where there is one share, one relay works at a time. Without
a broker the rows go to a file instead. Never "id > last seen": a lower id can commit later.
"""

import math
import time
from collections.abc import Sequence
from typing import Protocol

from workers.store.connection import Connection
from workers.store.delivery.outbox import delete_messages, first_messages
from workers.store.engine import Store
from workers.store.operation.leases import acquire_lease, acquire_shares, release_shares

RELAY_AT_MOST = 1_000
SHARES = 16
"""Into how many shares the outbox is cut: as many relays at most have something to do."""
ROLE = "relay"


class Outlet(Protocol):
    """Takes messages: a broker or a file."""

    def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Hand over (topic, key, value) in order and return when all are kept; raises NotNow when it is away."""

    def close(self) -> None:
        """Disconnect; the next `publish` connects again."""


class OutboxRelay:
    """Moves the outbox on; a lease for each share lets one relay work on it at a time."""

    def __init__(
        self, store: Store, outlet: Outlet, holder: str, *, lease_seconds: float = 30.0, shares: int = 1
    ) -> None:
        """Take messages from a store to an outlet; more than one share needs PostgreSQL and an outlet of a broker."""
        self._store = store
        self._outlet = outlet
        self._holder = holder
        self._lease = lease_seconds
        self._shares = 1 if store.sqlite else shares

    def relay_all(self, seconds: float = math.inf) -> int:
        """Relay what there is, begin nothing more after some seconds, and return how many messages left.

        0 when other relays have all that waits.
        """
        total, until = 0, time.monotonic() + seconds
        with self._store.reading() as connection:
            if not first_messages(connection, 1):
                return 0
        while count := self.relay_some():
            total += count
            if time.monotonic() >= until:
                return total
        if total and self._shares > 1:
            self._store.write(lambda connection: release_shares(connection, ROLE, self._holder, self._shares))
        return total

    def close(self) -> None:
        """Disconnect from where messages go; called when nothing is relayed."""
        self._outlet.close()

    def relay_some(self) -> int:
        """Relay some messages in id order; published twice, never lost, when killed between the two."""
        shares = self._store.write(self._take_lease)
        if not shares:
            return 0
        with self._store.reading() as connection:
            messages = first_messages(connection, RELAY_AT_MOST, shares, self._shares)
        if not messages:
            return 0
        self._outlet.publish([(message.topic, message.key, message.value) for message in messages])
        ids = [message.id for message in messages]
        self._store.write(lambda connection: delete_messages(connection, ids))
        return len(ids)

    def _take_lease(self, connection: Connection) -> list[int]:
        """Take the shares that this relay may work on now."""
        if self._shares > 1:
            return acquire_shares(connection, ROLE, self._holder, self._lease, self._shares)
        return [0] if acquire_lease(connection, ROLE, self._holder, self._lease) else []
