"""Mails that a server took: the bytes of each, and how many there were.

That counter only grows, for the metrics, because a state may change afterwards.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables

SENT = "mails_sent"


def add_sent(connection: Connection, number: int) -> None:
    """Add to the counter, as the last thing of the transaction that records the mails: others wait for its row."""
    counter = tables.counter
    if not number:
        return
    raised = sa.update(counter).where(counter.c.name == SENT).values(value=counter.c.value + number)
    if not connection.execute(raised).rowcount:
        connection.execute(sa.insert(counter).values(name=SENT, value=number))


def count_sent(connection: Connection) -> int:
    """Return how many mails were taken so far."""
    counter = tables.counter
    return int(connection.execute(sa.select(counter.c.value).where(counter.c.name == SENT)).scalar() or 0)


def body_of(connection: Connection, dispatch: str) -> bytes | None:
    """Return a mail as it left; None where it never did, or its text is not kept any more."""
    table = tables.dispatch_body
    body = connection.execute(sa.select(table.c.body).where(table.c.dispatch == dispatch)).scalar()
    return None if body is None else bytes(body)
