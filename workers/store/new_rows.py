"""New rows of one class, many at once; of some classes a row that is stored already stays as it is.

Written for a change set by apply.py, and by what remembers askings; whoever decides goes through a change set.
"""

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from workers.domain.records import AskedMailbox, FormerAddress, History, Row, Shadow, Suppression
from workers.store import bulk


def insert(connection: Connection, kind: type[Row], rows: Sequence[Row]) -> None:
    """Insert new rows; of `KEPT_ONCE` a row that is stored already stays as it is."""
    if kind in KEPT_ONCE:
        bulk.keep_many(connection, kind, rows)
    else:
        bulk.insert_many(connection, kind, rows)


KEPT_ONCE: tuple[type[Row], ...] = (AskedMailbox, FormerAddress, History, Shadow, Suppression)
"""Rows that say little more than their key: the same line told again, one address of two customers."""
