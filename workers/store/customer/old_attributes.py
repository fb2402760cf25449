"""Attributes that were told too long ago: counted, and the customers found who have one. Reads.

The whole table is looked at, once a day; an index for each attribute would cost every event that tells one.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables as t

C = t.customer.c


def told_before(attribute: str, stamp: str, limit: datetime) -> sa.ColumnElement[bool]:
    """Return the condition of customers who have an attribute that was told before an instant."""
    return sa.and_(
        C.attributes[attribute].as_string().is_not(None),
        sa.func.coalesce(C.changed_at[stamp].as_string(), "") < limit.isoformat(),
        C.erased_at.is_(None),
    )


def count_old(connection: Connection, attribute: str, stamp: str, limit: datetime) -> int:
    """Count the customers who have an attribute that is too old."""
    query = sa.select(sa.func.count()).select_from(t.customer).where(told_before(attribute, stamp, limit))
    return int(connection.execute(query).scalar_one())


def customers_with_old(connection: Connection, attribute: str, stamp: str, limit: datetime, most: int) -> list[str]:
    """Return some customers who have an attribute that is too old."""
    query = sa.select(C.id).where(told_before(attribute, stamp, limit)).order_by(C.id).limit(most)
    return [str(key) for key in connection.execute(query).scalars()]
