"""Controls: named values that operators and roles set in the database, such as `paused`; one row for each."""

import time
from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from workers.store import tables
from workers.store.round_trips import fetch

DEMO = "demo"
"""The control that marks a database as a demo's."""
CLOCK_SEEN, CLOCK_LEAPT, CLOCK_MOVED = "clock_seen", "clock_leapt", "clock_moved"
"""The controls of business time: when it was last right, that it leapt (from, to), when it was last confirmed."""
CONTROLS = sa.select(tables.control.c.name, tables.control.c.value)


def read_controls(connection: Connection) -> Mapping[str, str]:
    """Return every control by name."""
    return {str(name): str(value) for name, value in fetch(connection, CONTROLS, {})}


def is_demo(connection: Connection) -> bool:
    return DEMO in read_controls(connection)


def set_control(connection: Connection, name: str, value: str, now: datetime, by: str) -> None:
    """Set one control; setting it again replaces it, also where two roles set it at once."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"value": value, "at": now, "by": by}
    statement = dialect.insert(tables.control).values(name=name, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=row))


def add_control(connection: Connection, name: str, value: str, now: datetime, by: str) -> None:
    """Write a control that must not be there: of two machines that begin at once, the second looks again."""
    connection.execute(sa.insert(tables.control).values(name=name, value=value, at=now, by=by))


def replace_control(connection: Connection, name: str, value: str, now: datetime, by: str) -> None:
    """Write another value into a control that is there; where it is not, nothing changes."""
    change = sa.update(tables.control).where(tables.control.c.name == name)
    connection.execute(change.values(value=value, at=now, by=by))


def clear_control(connection: Connection, name: str) -> None:
    """Clear one control; clearing what is not set changes nothing."""
    connection.execute(sa.delete(tables.control).where(tables.control.c.name == name))


def clear_controls(connection: Connection, prefix: str, *, but: Collection[str] = ()) -> None:
    """Clear every control whose name begins so, apart from some, named in full."""
    c = tables.control.c
    connection.execute(sa.delete(tables.control).where(c.name.startswith(prefix, autoescape=True), c.name.not_in(but)))


def confirm_clock(connection: Connection, now: datetime, by: str) -> bool:
    """Have the clock count as it is, for every role; say whether it was doubted."""
    doubted = CLOCK_LEAPT in read_controls(connection)
    clear_control(connection, CLOCK_LEAPT)
    set_control(connection, CLOCK_MOVED, f"{now.isoformat()}/{time.time_ns()}", now, by)
    return doubted
