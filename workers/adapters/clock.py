"""Business time: the system's, a fixed one, or one stored row that demo, parity and fault drivers move.

Lease time is never taken from here; it is the database's own.
"""

from datetime import UTC, datetime
from typing import Protocol

import sqlalchemy as sa

from workers.store import tables
from workers.store.connection import Connection
from workers.store.controls import confirm_clock
from workers.store.engine import Store


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
        """Return the time that was set."""
        return self.at

    def now_in(self, connection: Connection) -> datetime:
        """Return the time that was set."""
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
        rows = {str(name): at for name, at in connection.execute(sa.select(tables.clock.c.name, tables.clock.c.at))}
        at: datetime | None = rows.get("business")
        if at is None:
            return datetime.now(UTC)
        since = rows.get("ticking_since")
        return at if since is None else at + (datetime.now(UTC) - since)

    def is_set(self) -> bool:
        """Tell whether the database holds a business time: only a demo's and a test's does."""
        if not sa.inspect(self._store.engine).has_table(tables.clock.name):
            return False
        with self._store.reading() as connection:
            return connection.execute(sa.select(tables.clock.c.name)).first() is not None

    def is_ticking(self) -> bool:
        """Tell whether the stored time goes on with the machine's; False while none is stored."""
        with self._store.reading() as connection:
            ticking = sa.select(tables.clock.c.name).where(tables.clock.c.name == "ticking_since")
            return connection.execute(ticking).first() is not None

    def set(self, at: datetime, *, ticking: bool = False) -> None:
        """Store an instant; with `ticking` it goes on from there with the machine's time."""

        def work(connection: Connection) -> None:
            connection.execute(sa.delete(tables.clock))
            rows = [{"name": "business", "at": at}]
            if ticking:
                rows.append({"name": "ticking_since", "at": datetime.now(UTC)})
            connection.execute(sa.insert(tables.clock), rows)
            confirm_clock(connection, at, "clock")  # whoever moves it means it

        self._store.write(work)
