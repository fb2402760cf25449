"""The stored business time, which demos, parity and fault drivers move: its instant, and since when it ticks on."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables

BUSINESS, TICKING = "business", "ticking_since"


@dataclass(frozen=True, slots=True)
class StoredTime:
    """What the clock's rows say; `ticking_since` is the machine's time at which it began to go on from there."""

    at: datetime | None
    ticking_since: datetime | None


def read_time(connection: Connection) -> StoredTime:
    """Return the stored time; both None while none is stored."""
    c = tables.clock.c
    rows = {str(name): at for name, at in connection.execute(sa.select(c.name, c.at))}
    return StoredTime(rows.get(BUSINESS), rows.get(TICKING))


def store_time(connection: Connection, time: StoredTime) -> None:
    """Put this time in the place of what is stored; an instant it does not have leaves no row."""
    connection.execute(sa.delete(tables.clock))
    rows = [{"name": name, "at": at} for name, at in ((BUSINESS, time.at), (TICKING, time.ticking_since)) if at]
    connection.execute(sa.insert(tables.clock), rows)
