"""Mails that a server took: the bytes of each, how many there were, and how many of the day's bound.

The counters only grow, because a state may change afterwards.
"""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import ReturningUpdate

from workers.store import tables
from workers.store.delivery.send_counts import DAY, count_accepted_since, day_of

SENT = "mails_sent"


def raised_by(mails: sa.ColumnElement[int], capped: sa.ColumnElement[int]) -> ReturningUpdate[tuple[str]]:
    """Return what raises both counters that there are, and gives their names."""
    counter = tables.counter.c
    by = sa.case((counter.name == SENT, mails), else_=capped)
    named = counter.name.in_((SENT, sa.bindparam("day", type_=sa.Text())))
    return sa.update(tables.counter).where(named).values(value=counter.value + by).returning(counter.name)


RAISE = raised_by(sa.bindparam("mails", type_=sa.BigInteger()), sa.bindparam("capped", type_=sa.BigInteger()))


def add_sent(connection: Connection, number: int, capped: int, midnight: datetime) -> None:
    """Add to the counter, and what the day's bound is about to the day's, in one statement.

    As the last thing of the transaction that records the mails: others wait for these rows.
    """
    if not number:
        return
    named = {"day": day_of(midnight), "mails": number, "capped": capped}
    begin_counting(
        connection, number, capped, midnight, {str(name) for name in connection.execute(RAISE, named).scalars()}
    )


def begin_counting(
    connection: Connection, number: int, capped: int, midnight: datetime, raised: Collection[str]
) -> None:
    """Begin those counters that were not there to be raised."""
    if SENT not in raised and number:
        connection.execute(sa.insert(tables.counter).values(name=SENT, value=number))
    if day_of(midnight) not in raised and capped:
        begin_day(connection, midnight, capped)


def begin_day(connection: Connection, midnight: datetime, capped: int) -> None:
    """Begin to keep a day's count with the mails that left by now; who began at the same time is added to."""
    counter, day = tables.counter, day_of(midnight)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    begun = dialect.insert(counter).values(name=day, value=count_accepted_since(connection, midnight))
    more = {"value": counter.c.value + capped}
    connection.execute(begun.on_conflict_do_update(index_elements=["name"], set_=more))
    older = (counter.c.name.startswith(DAY), counter.c.name < day)
    connection.execute(sa.delete(counter).where(*older))


def count_sent(connection: Connection) -> int:
    """Return how many mails were taken so far."""
    counter = tables.counter
    return int(connection.execute(sa.select(counter.c.value).where(counter.c.name == SENT)).scalar() or 0)


def body_of(connection: Connection, dispatch: str) -> bytes | None:
    """Return a mail as it left; None where it never did, or its text is not kept any more."""
    body, mail = tables.dispatch_body.c, tables.dispatch.c
    left = sa.select(body.body).join(tables.dispatch, mail.id == body.dispatch).where(mail.message_id != "")
    raw = connection.execute(left.where(body.dispatch == dispatch)).scalar()
    return None if raw is None else bytes(raw)
