"""Who is there to take tickets, and whose turn it is: read and counted in the caller's transaction."""

from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.ticket import Roster, TicketAllocator
from workers.store import tables
from workers.store.apply import next_number

TICKETS, TURNS = "ticket", "turn"
"""Counters: numbers of tickets, and turns of the agents."""
AGENT, LEAD = "agent", "lead"


def read_roster(connection: Connection, now: datetime) -> Roster:
    """Return agents and leads who are not away at this instant, in the order of their names, and who is away."""
    table = tables.user
    people = connection.execute(sa.select(table.c.name, table.c.role, table.c.away_until).order_by(table.c.name))
    present: dict[str, list[str]] = {AGENT: [], LEAD: []}
    away = set()
    for name, role, until in people:
        if until is not None and until > now:
            away.add(str(name))
        elif role in present:
            present[role].append(str(name))
    return Roster(tuple(present[AGENT]), tuple(present[LEAD]), frozenset(away))


def desk(connection: Connection, now: datetime) -> TicketAllocator:
    """Return the desk of one transaction; the roster is read once, when it is first needed."""
    return TicketAllocator(
        number=lambda: next_number(connection, TICKETS),
        turn=lambda: next_number(connection, TURNS),
        roster=cache(lambda: read_roster(connection, now)),
    )


def dry_desk(connection: Connection, now: datetime) -> TicketAllocator:
    """Return the desk of a dry run, which hands nothing out."""
    return TicketAllocator(number=lambda: 0, turn=lambda: 0, roster=cache(lambda: read_roster(connection, now)))
