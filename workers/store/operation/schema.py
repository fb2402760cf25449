"""Which tables a database has, and the revision that it says it is at; Alembic, in `migrations/`, makes them."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables
from workers.store.engine import Store

VERSION_TABLE = "alembic_version"
ADVISORY_LOCK = 0x626F7563
"""PostgreSQL's lock that migrations take turns by ("bouc")."""


def has_controls(connection: Connection) -> bool:
    """Tell whether the table of controls is there: every release has made it."""
    return sa.inspect(connection).has_table(tables.control.name)


def has_inbox(connection: Connection) -> bool:
    """Tell whether the inbox's table is there: a database without it holds no installation."""
    return sa.inspect(connection).has_table(tables.inbox.name)


def has_clock(store: Store) -> bool:
    """Tell whether a database has the table of the stored clock."""
    return sa.inspect(store.engine).has_table(tables.clock.name)


def has_customers(store: Store) -> bool:
    """Tell whether a database has the table of customers."""
    return sa.inspect(store.engine).has_table(tables.customer.name)


def revisions_in(connection: Connection) -> list[str] | None:
    """Return the revisions that a database says it is at, which should be one; None where nothing says so."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return [str(row) for row in connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars()]


def take_turn(connection: Connection) -> None:
    """Wait on PostgreSQL until nobody else migrates, and keep others from it until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))


def drop_everything(store: Store) -> None:
    """Drop every table of ours with all that it holds: only a demo's database is emptied so."""
    with store.engine.begin() as connection:
        tables.metadata.drop_all(connection)
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {VERSION_TABLE}"))
