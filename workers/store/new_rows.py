"""New rows of one class, many at once; of some classes a row that is stored already stays as it is.

Written for a change set by apply.py, and by what remembers askings; whoever decides goes through a change set.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from workers.domain.records import AskedMailbox, FormerAddress, History, Row, Shadow, Suppression
from workers.store import bulk, tables


def insert(connection: Connection, kind: type[Row], rows: Sequence[Row]) -> None:
    """Insert new rows; of `KEPT_ONCE` a row that is stored already stays as it is."""
    if kind in KEPT_ONCE:
        values = [{name: getattr(row, name) for name in bulk.SHAPES[kind].names} for row in rows]
        connection.execute(KEEP[kind, connection.dialect.name], values)
    else:
        bulk.insert_many(connection, kind, rows)


def keep_statement(kind: type[Row], dialect: str) -> sa.Insert:
    """Return the statement that adds rows unless they are stored."""
    insert_into = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert_into(tables.of(kind)).on_conflict_do_nothing()


KEPT_ONCE: tuple[type[Row], ...] = (AskedMailbox, FormerAddress, History, Shadow, Suppression)
"""Rows that say little more than their key: the same line told again, one address of two customers."""
KEEP = {(kind, dialect): keep_statement(kind, dialect) for kind in KEPT_ONCE for dialect in ("sqlite", "postgresql")}
