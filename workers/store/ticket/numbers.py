"""Numbers of tickets and turns of agents: from a sequence on PostgreSQL, from a counter on SQLite.

Whoever takes from a sequence waits for nobody; work that fails leaves its number unused, so numbers may have gaps. On
SQLite, where writers take turns anyway, they have none.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables
from workers.store.apply import next_number

TICKETS, TURNS = "ticket", "turn"
NEXT = {
    TICKETS: sa.select(tables.ticket_numbers.next_value()),
    TURNS: sa.select(tables.agent_turns.next_value()),
}


def hand_out(connection: Connection, name: str) -> int:
    """Return the next number of tickets or turns."""
    if connection.dialect.name == "sqlite":
        return next_number(connection, name)
    return int(connection.execute(NEXT[name]).scalar_one())
