"""Touchpoints by name. Reads only."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables


def planned_steps(connection: Connection) -> list[str]:
    """Return the names of all touchpoints that anybody was ever planned for."""
    return [str(step) for step in connection.execute(sa.select(tables.touchpoint.c.step).distinct()).scalars()]
