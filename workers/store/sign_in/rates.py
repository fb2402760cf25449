"""Counts of requests that all web roles share: one short-lived row for each key and window, by the database's time."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from workers.store.engine import database_now
from workers.store.tables import rate_count


def add_hits(connection: Connection, key: str, seconds: int, hits: int) -> int:
    """Add to the count of a key, which starts anew `seconds` after its first hit; return the count."""
    now = database_now(connection)
    c = rate_count.c
    over = c.ends_at <= now
    ends_at = now + timedelta(seconds=seconds)
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(rate_count).values(key=key, hits=hits, ends_at=ends_at)
    changed = {
        "hits": sa.case((over, hits), else_=c.hits + hits),
        "ends_at": sa.case((over, sa.literal(ends_at, c.ends_at.type)), else_=c.ends_at),
    }
    statement = insert.on_conflict_do_update(index_elements=[c.key], set_=changed).returning(c.hits)
    return int(connection.execute(statement).scalar_one())


def read_hits(connection: Connection, key: str) -> tuple[int, datetime | None]:
    """Return the count of a key and when it ends; zero where there is none or its window is over."""
    c = rate_count.c
    query = sa.select(c.hits, c.ends_at).where(c.key == key, c.ends_at > database_now(connection))
    row = connection.execute(query).one_or_none()
    return (int(row.hits), row.ends_at) if row else (0, None)


def forget_hits(connection: Connection, key: str) -> None:
    """Forget the count of a key."""
    connection.execute(sa.delete(rate_count).where(rate_count.c.key == key))


def forget_ended(connection: Connection) -> int:
    """Delete what counts no longer; return how many rows."""
    return connection.execute(sa.delete(rate_count).where(rate_count.c.ends_at <= database_now(connection))).rowcount
