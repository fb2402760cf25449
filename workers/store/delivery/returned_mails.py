"""How many mails came back, by what they said: counters that only grow, for the metrics."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables

PREFIX = "returned:"
"""Begins the names of these counters."""


def add_returned(connection: Connection, counted: Mapping[str, int]) -> None:
    """Add to the counters of some kinds, in the caller's transaction."""
    c = tables.counter.c
    for kind, number in sorted(counted.items()):
        if not number:
            continue
        name = f"{PREFIX}{kind}"
        done = connection.execute(sa.update(tables.counter).where(c.name == name).values(value=c.value + number))
        if not done.rowcount:
            connection.execute(sa.insert(tables.counter).values(name=name, value=number))


def counted_returned(connection: Connection) -> dict[str, int]:
    """Return how many mails of each kind came back so far."""
    c = tables.counter.c
    query = sa.select(c.name, c.value).where(c.name.startswith(PREFIX, autoescape=True)).order_by(c.name)
    return {str(name).removeprefix(PREFIX): int(value) for name, value in connection.execute(query)}
