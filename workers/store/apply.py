"""The one write path: Changes go into the tables in a fixed order, rows sorted by key.

Nothing else writes the core's rows (claim.py moves dispatches on). Runs inside the caller's transaction; every row is
keyed, so a second run of the same work meets the first one's rows and fails as a collision instead of doubling them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from workers.changes import Cancellation, Changes, Publication
from workers.records import History, Row, Suppression
from workers.store import tables
from workers.store.forgetting import forget
from workers.words import DispatchState

NOT_LEFT = (DispatchState.READY, DispatchState.LEASED)
COLUMNS: dict[type[Row], tuple[str, ...]] = {
    kind: tuple(one.name for one in fields(kind)) for kind in tables.WRITE_ORDER
}
"""A record's field names are its table's columns."""


def apply(connection: Connection, changes: Changes, now: datetime) -> None:
    """Write the changes: 1. rows table by table, 2. cancellations, 3. whoever is forgotten, 4. the outbox."""
    for kind in tables.WRITE_ORDER:
        if changed := changes.changed.get(kind):  # first, so that one current decision or open ticket gives way
            update(connection, kind, [changed[key] for key in sorted(changed, key=str)])
        if added := changes.added.get(kind):
            insert(connection, kind, [added[key] for key in sorted(added, key=str)])
    for cancellation in changes.cancelled:
        cancel_dispatches(connection, cancellation, now)
    for person in changes.forgotten:
        forget(connection, person, now)
    publish(connection, changes.published)


def as_values(kind: type[Row], rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the rows as parameters of a statement."""
    names = COLUMNS[kind]
    values = attrgetter(*names)
    return [dict(zip(names, values(row), strict=True)) for row in rows]


def insert(connection: Connection, kind: type[Row], rows: Sequence[Row]) -> None:
    """Insert new rows in one statement; of `KEPT_ONCE` a row that is stored already stays as it is."""
    connection.execute(INSERTS[kind, connection.dialect.name], as_values(kind, rows))


def insert_statement(kind: type[Row], dialect: str) -> sa.Insert:
    """Return the statement that adds rows to a table."""
    if kind not in KEPT_ONCE:
        return sa.insert(tables.of(kind))
    insert_into = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert_into(tables.of(kind)).on_conflict_do_nothing()


KEPT_ONCE: frozenset[type[Row]] = frozenset({History, Suppression})
"""Rows that say little more than their key: the same line told again, one address of two customers."""
INSERTS: dict[tuple[type[Row], str], sa.Insert] = {
    (kind, dialect): insert_statement(kind, dialect)
    for kind in tables.WRITE_ORDER
    for dialect in ("sqlite", "postgresql")
}


def update_statement(kind: type[Row]) -> sa.Update:
    """Return the statement that sets every column but the key's."""
    table = tables.of(kind)
    rest = [name for name in COLUMNS[kind] if name not in kind.KEY]
    return (
        sa.update(table)
        .where(*(table.c[name] == sa.bindparam(f"key_{name}") for name in kind.KEY))
        .values({name: sa.bindparam(f"new_{name}") for name in rest})
    )


UPDATES: dict[type[Row], sa.Update] = {kind: update_statement(kind) for kind in tables.WRITE_ORDER}


def update(connection: Connection, kind: type[Row], rows: Sequence[Row]) -> None:
    """Set stored rows to their new state; the caller holds the customer's lock."""
    parameters = [
        {(f"key_{name}" if name in kind.KEY else f"new_{name}"): value for name, value in one.items()}
        for one in as_values(kind, rows)
    ]
    connection.execute(UPDATES[kind], parameters)


def cancel_dispatches(connection: Connection, cancellation: Cancellation, now: datetime) -> None:
    """Cancel what has not left; what is being handed over right now stays and is counted."""
    table = tables.dispatch
    conditions = [table.c[cancellation.column] == cancellation.value, table.c.state.in_(NOT_LEFT)]
    if cancellation.mail_class:
        conditions.append(table.c.mail_class == cancellation.mail_class)
        if cancellation.column == "request":
            conditions.append(table.c.action.is_(None))  # the question itself, not what followed from its answer
    connection.execute(
        sa.update(table)
        .where(*conditions)
        .values(state=DispatchState.CANCELLED, reason=cancellation.reason, changed_at=now, lease_until=None)
    )


def publish(connection: Connection, publications: Sequence[Publication]) -> None:
    """Put messages into the outbox, in order."""
    if publications:
        connection.execute(
            sa.insert(tables.outbox), [{"topic": one.topic, "key": one.key, "value": one.value} for one in publications]
        )


def next_number(connection: Connection, name: str) -> int:
    """Return the next number of a counter; other writers wait until this transaction ends, so that none is missing."""
    table = tables.counter
    statement = sa.update(table).where(table.c.name == name).values(value=table.c.value + 1).returning(table.c.value)
    taken = connection.execute(statement).scalar()
    if taken is None:
        connection.execute(sa.insert(table).values(name=name, value=1))
        return 1
    return int(taken)
