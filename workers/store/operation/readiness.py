"""Whether the database takes what the roles write: one small write, made and kept.

A database that answers may be read-only, full or locked all the same; a SELECT would not tell.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables
from workers.store.engine import Store
from workers.store.patience import Patience

HURRY = Patience(connect=2, statement=1.2, lock=1, idle=5, silence=4, file_lock=1)
"""A probe that waits as long as roles do would be late."""
WRITTEN = tuple(tables.metadata.sorted_tables)
"""All: what holds up one write holds up a role sooner or later, be it a switch that senders look at."""
COUNTER = "readiness"


def hurried(url: str) -> Store:
    """Return a store of its own for probing; it waits for nothing longer than a probe may take."""
    return Store(url, HURRY)


def see_that_it_takes_writes(store: Store) -> None:
    """Write one row that nobody reads, after taking the lock that a writer needs on each table; raises NotNow."""

    def work(connection: Connection) -> None:
        if not store.sqlite:  # where one lock is enough for all
            names = ", ".join(table.name for table in WRITTEN)
            connection.exec_driver_sql(f"LOCK TABLE {names} IN ROW EXCLUSIVE MODE")
        counter = tables.counter
        raised = sa.update(counter).where(counter.c.name == COUNTER).values(value=counter.c.value + 1)
        if not connection.execute(raised).rowcount:
            connection.execute(sa.insert(counter).values(name=COUNTER, value=1))

    store.write(work)
