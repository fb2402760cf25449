"""What came in, as it was counted batch by batch: accepted events, duplicates and dead letters. Reads only."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables

OUTCOMES = ("accepted", "duplicates", "dead_letters")
EVENTS = "events"
"""All that came in: the sum of the outcomes."""


def received_by_door(connection: Connection) -> dict[str, dict[str, int]]:
    """Return how many messages had each outcome, by the door that they came in by."""
    columns = tables.received.c
    sums = [sa.func.sum(columns[outcome]) for outcome in OUTCOMES]
    rows = connection.execute(sa.select(columns.door, *sums).group_by(columns.door))
    return {
        str(door): {outcome: int(n or 0) for outcome, n in zip(OUTCOMES, counted, strict=True)}
        for door, *counted in rows
    }


def received_in_all(connection: Connection) -> dict[str, int]:
    """Return how many messages came in, and how many of them had each outcome."""
    names = (EVENTS, *OUTCOMES)
    sums = connection.execute(sa.select(*(sa.func.sum(tables.received.c[name]) for name in names))).one()
    return {name: int(value or 0) for name, value in zip(names, sums, strict=True)}
