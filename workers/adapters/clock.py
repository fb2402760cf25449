"""Business time: the system's, a fixed one, or one stored row that demo, parity and fault drivers move.

Lease time is never taken from here; it is the database's own.
"""

from datetime import UTC, datetime
from typing import Protocol

from workers.store.connection import Connection
from workers.store.controls import confirm_clock
from workers.store.engine import Store
from workers.store.operation.business_clock import StoredTime, read_time, store_time
from workers.store.operation.schema import has_clock


class Clock(Protocol):
    """Gives business time."""

    def now(self) -> datetime:
        """Return the instant it is, in UTC; read once per unit of work."""

    def now_in(self, connection: Connection) -> datetime:
        """Return the instant it is as a transaction sees it: a stored clock that is moved meanwhile is the earlier."""


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)

    def now_in(self, connection: Connection) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A time that a test sets."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def now_in(self, connection: Connection) -> datetime:
        return self.at


class StoredClock:
    """A row that a driver moves; where it ticks on, elapsed machine time since the row was written is added."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self) -> datetime:
        """Return the stored instant; the machine's time while none is stored."""
        with self._store.reading() as connection:
            return self.now_in(connection)

    def now_in(self, connection: Connection) -> datetime:
        """Return the stored instant as a transaction sees it."""
        stored = read_time(connection)
        if stored.at is None:
            return datetime.now(UTC)
        since = stored.ticking_since
        return stored.at if since is None else stored.at + (datetime.now(UTC) - since)

    def is_set(self) -> bool:
        """Tell whether the database holds a business time: only a demo's and a test's does."""
        if not has_clock(self._store):
            return False
        with self._store.reading() as connection:
            return read_time(connection).at is not None

    def is_ticking(self) -> bool:
        """Tell whether the stored time goes on with the machine's; False while none is stored."""
        with self._store.reading() as connection:
            return read_time(connection).ticking_since is not None

    def set(self, at: datetime, *, ticking: bool = False) -> None:
        """Store an instant; with `ticking` it goes on from there with the machine's time."""

        def work(connection: Connection) -> None:
            store_time(connection, StoredTime(at, datetime.now(UTC) if ticking else None))
            confirm_clock(connection, at, "clock")  # whoever moves it means it

        self._store.write(work)
