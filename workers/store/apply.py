"""The one write path: Changes go into the tables in a fixed order, rows sorted by key.

Nothing else writes the core's rows (claim.py moves dispatches on). Runs inside the caller's transaction; every row is
keyed, so a second run of the same work meets the first one's rows and fails as a collision instead of doubling them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.changeset import Cancellation, ChangeSet, Publication
from workers.domain.records import Row, Ticket
from workers.domain.types import DispatchState, TicketState
from workers.store import bulk, tables
from workers.store.customer.erasure import forget
from workers.store.customer.merge import move_rows
from workers.store.new_rows import insert

NOT_LEFT = (DispatchState.READY, DispatchState.LEASED)


def apply(connection: Connection, changes: ChangeSet, now: datetime) -> None:
    """Write the changes: 1. rows table by table, 2. moves, 3. cancellations, 4. whoever is forgotten, 5. the outbox."""
    for kind in tables.WRITE_ORDER:
        if changed := changes.changed.get(kind):  # first, so that one current decision or open ticket gives way
            for rows in giving_way(kind, [changed[key] for key in sorted(changed)]):
                bulk.update_many(connection, kind, rows)
        if added := changes.added.get(kind):
            insert(connection, kind, [added[key] for key in sorted(added)])
    for moving in changes.moved:
        move_rows(connection, moving)
    for cancellation in changes.cancelled:
        cancel_dispatches(connection, cancellation, now)
    if changes.forgotten:
        forget(connection, changes.forgotten, now)
    publish(connection, changes.published)


def giving_way(kind: type[Row], rows: list[Row]) -> Iterable[list[Row]]:
    """Give rows in the order in which they may be written: of a person's two tickets the one that ends comes first."""
    if kind is not Ticket:
        return [rows]
    ended: list[Row] = [row for row in rows if isinstance(row, Ticket) and row.state == TicketState.DONE]
    going_on: list[Row] = [row for row in rows if isinstance(row, Ticket) and row.state != TicketState.DONE]
    return [part for part in (ended, going_on) if part]


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
        messages = [
            {"topic": publication.topic, "key": publication.key, "value": publication.value}
            for publication in publications
        ]
        connection.execute(PUBLISH[connection.dialect.name], messages)


def publish_statement(clock: str) -> sa.Insert:
    """Return the statement that puts a message into the outbox at the database's own time."""
    named: dict[str, sa.BindParameter[object]] = {name: sa.bindparam(name) for name in ("topic", "key", "value")}
    return sa.insert(tables.outbox).values(**named, at=sa.literal_column(clock))


PUBLISH = {
    "postgresql": publish_statement("clock_timestamp()"),
    "sqlite": publish_statement("strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'"),
}


def next_number(connection: Connection, name: str) -> int:
    """Return the next number of a counter; other writers wait until this transaction ends, so that none is missing."""
    table = tables.counter
    statement = sa.update(table).where(table.c.name == name).values(value=table.c.value + 1).returning(table.c.value)
    taken = connection.execute(statement).scalar()
    if taken is None:
        connection.execute(sa.insert(table).values(name=name, value=1))
        return 1
    return int(taken)
