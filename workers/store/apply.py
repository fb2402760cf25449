"""The one write path: Changes go into the tables in a fixed order, rows sorted by key.

Nothing else writes the core's rows (claim.py moves dispatches on). Runs inside the caller's transaction; every row is
keyed, so a second run of the same work meets the first one's rows and fails as a collision instead of doubling them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.changeset import Cancellation, ChangeSet, Publication
from workers.domain.records import Row, Ticket
from workers.domain.types import DispatchState, TicketState
from workers.store import bulk, read, tables
from workers.store.customer.erasure import forget
from workers.store.customer.merge import move_rows
from workers.store.engine import array_text, in_array
from workers.store.new_rows import insert
from workers.store.round_trips import run_straight
from workers.store.sent_ahead import run, sent_ahead, wait
from workers.structs import replace

NOT_LEFT = (DispatchState.READY, DispatchState.LEASED)


def apply(connection: Connection, changes: ChangeSet, now: datetime) -> None:
    """Write the changes: 1. rows table by table, 2. moves, 3. cancellations, 4. whoever is forgotten, 5. the outbox."""
    moved_to = {moving.customer: moving.into for moving in changes.moved}
    with sent_ahead(connection):
        write_rows(connection, changes, moved_to)
    for moving in changes.moved:
        move_rows(connection, moving)
    for cancellation in changes.cancelled:
        cancel_dispatches(connection, cancellation, now, moved_to)
    if changes.forgotten:
        forget(connection, changes.forgotten, now)
    publish(connection, changes.published)


def write_rows(connection: Connection, changes: ChangeSet, moved_to: Mapping[str, str]) -> None:
    """Write added and changed rows, table by table; `moved_to` is into whom each customer is merged now."""
    for kind in tables.WRITE_ORDER:
        if changed := changes.changed.get(kind):  # first, so that one current decision or open ticket gives way
            rows_changed = [changed[key] for key in sorted(changed)]
            if moved_to:
                rows_changed = under_stored_owner(connection, kind, rows_changed, moved_to)
            stored = {} if moved_to else changes.stored.get(kind, {})  # who is moved is known under another customer
            for rows in giving_way(kind, rows_changed):
                bulk.update_many(connection, kind, rows, bulk.columns_changed(kind, rows, stored))
        if added := changes.added.get(kind):
            insert(connection, kind, [added[key] for key in sorted(added)])


def giving_way(kind: type[Row], rows: list[Row]) -> Iterable[list[Row]]:
    """Give rows in the order in which they may be written: of a person's two tickets the one that ends comes first."""
    if kind is not Ticket:
        return [rows]
    ended: list[Row] = [row for row in rows if isinstance(row, Ticket) and row.state == TicketState.DONE]
    going_on: list[Row] = [row for row in rows if isinstance(row, Ticket) and row.state != TicketState.DONE]
    return [part for part in (ended, going_on) if part]


def under_stored_owner(
    connection: Connection, kind: type[Row], rows: list[Row], moved_to: Mapping[str, str]
) -> list[Row]:
    """Return the rows with the customer under whom each is stored: of a merge, the core has them under the other one.

    `move_rows` gives them to that one afterwards; an update alone cannot, where rows lie by customer.
    """
    table = tables.of(kind)
    if "customer" not in table.c:
        return rows
    names, people = tables.identity(kind), {*moved_to, *moved_to.values()}
    query = sa.select(table.c.customer, *(table.c[name] for name in names)).where(table.c.customer.in_(people))
    owners: dict[tuple[object, ...], object] = {}
    wait(connection)
    for chunk in read.chunks({str(getattr(row, names[0])) for row in rows}):
        for owner, *key in connection.execute(query.where(table.c[names[0]].in_(chunk))):
            owners[tuple(key)] = owner
    return [
        replace(row, customer=owners.get(tuple(getattr(row, name) for name in names), row.customer))  # type: ignore[attr-defined,call-arg]  # it has a customer, as its table
        for row in rows
    ]


def cancel_dispatches(
    connection: Connection, cancellation: Cancellation, now: datetime, moved_to: Mapping[str, str]
) -> None:
    """Cancel what has not left; what is being handed over right now stays and is counted."""
    owners = {cancellation.customer}
    while (into := moved_to.get(cancellation.customer)) and into not in owners:
        cancellation = replace(cancellation, customer=into)
        owners.add(into)
    named: dict[str, object] = {"owners": sorted(owners), "why": cancellation.reason, "now": now}
    if cancellation.column != "customer":
        named["about"] = cancellation.value
    if cancellation.mail_class:
        named["of_class"] = cancellation.mail_class
    run_straight(connection, cancelling(cancellation.column, bool(cancellation.mail_class)), named)


@lru_cache(32)
def cancelling(column: str, of_class: bool) -> sa.Update:
    """Return what cancels the dispatches about a value of a column that have not left, maybe of one class alone.

    A question's class leaves alone what followed from its answer. Built once: building a statement costs more than
    running it.
    """
    c = tables.dispatch.c
    conditions = [in_array(c.customer, "owners"), tables.one_of(c.state, NOT_LEFT)]
    if column != "customer":
        conditions.append(c[column] == sa.bindparam("about"))
    if of_class:
        conditions.append(c.mail_class == sa.bindparam("of_class"))
        if column == "request":
            conditions.append(c.action.is_(None))
    now, why = sa.bindparam("now", type_=tables.Instant()), sa.bindparam("why", type_=sa.Text())
    ended = sa.update(tables.dispatch).values(
        state=DispatchState.CANCELLED, reason=why, changed_at=now, lease_until=None
    )
    return ended.where(*conditions)


def publish(connection: Connection, publications: Sequence[Publication]) -> None:
    """Put messages into the outbox, in order, at the database's own time."""
    if not publications:
        return
    messages = [(publication.topic, publication.key, publication.value) for publication in publications]
    if connection.dialect.name == "postgresql":
        texts = ((topic, key, value.decode()) for topic, key, value in messages)
        run(connection, PUBLISH, tuple(map(array_text, zip(*texts, strict=True))))
    else:
        connection.exec_driver_sql(PUBLISH_ON_SQLITE, messages)


PUBLISH = """
    INSERT INTO outbox (topic, key, value, at) SELECT topic, key, convert_to(value, 'UTF8'), clock_timestamp()
    FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS news(topic, key, value, place) ORDER BY place"""
"""One statement however many there are; ids are given in the order of the rows. The arrays go as their texts."""
PUBLISH_ON_SQLITE = (
    "INSERT INTO outbox (topic, key, value, at) VALUES (?, ?, ?, strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z')"
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
