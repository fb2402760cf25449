"""Rows that are older than they are kept: counted, and deleted some at a time. How long is not decided here.

Deleting changes no sum of the books: what goes from the inbox stays counted, and old batches are added up.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.types import DispatchState
from workers.store import tables as t

RETIRED = "inbox_retired"
"""Counter of inbox rows that retention has deleted: they were accepted all the same."""
ENDED = (
    DispatchState.ACCEPTED,
    DispatchState.FAILED,
    DispatchState.UNKNOWN,
    DispatchState.BOUNCED,
    DispatchState.CANCELLED,
    DispatchState.SUPPRESSED,
)


def is_old(name: str, since: str, limit: datetime) -> sa.ColumnElement[bool]:
    """Return the condition of the rows of a table whose `since` is before a limit; of mails' texts, their end.

    Of answers at places only those kept apart: the others belong to responses.
    """
    table = t.metadata.tables[name]
    if table is t.place_answer:
        return sa.and_(table.c[since] < limit, table.c.held != "")
    if table is not t.dispatch_body:
        return table.c[since] < limit
    d = t.dispatch.c
    ended = sa.select(d.id).where(d.state.in_(ENDED), sa.func.coalesce(d.changed_at, d.created_at) < limit)
    return table.c.dispatch.in_(ended)


def count_old(connection: Connection, name: str, since: str, limit: datetime) -> int:
    """Count the rows of a table that `delete_old` would delete."""
    query = sa.select(sa.func.count()).select_from(t.metadata.tables[name]).where(is_old(name, since, limit))
    return int(connection.execute(query).scalar_one())


def delete_old(connection: Connection, name: str, since: str, limit: datetime, most: int) -> int:
    """Delete some rows of a table that are too old, oldest first, and return how many."""
    table = t.metadata.tables[name]
    key = list(table.primary_key)
    order = key if table is t.dispatch_body else [table.c[since], *key]
    old = sa.select(*key).where(is_old(name, since, limit)).order_by(*order).limit(most)
    where = key[0].in_(old) if len(key) == 1 else sa.tuple_(*key).in_(old)
    count = connection.execute(sa.delete(table).where(where)).rowcount
    if table is t.inbox and count:
        retire(connection, count)
    return count


def retire(connection: Connection, count: int) -> None:
    """Count inbox rows that go: the events were accepted all the same."""
    c = t.counter.c
    done = connection.execute(sa.update(t.counter).where(c.name == RETIRED).values(value=c.value + count))
    if not done.rowcount:
        connection.execute(sa.insert(t.counter).values(name=RETIRED, value=count))


def retired_events(connection: Connection) -> int:
    """Return how many inbox rows have gone so far."""
    return int(connection.execute(sa.select(t.counter.c.value).where(t.counter.c.name == RETIRED)).scalar() or 0)


def fold_received(connection: Connection, limit: datetime) -> None:
    """Fold the counts of old batches into one row for each door; their sums stay what they were."""
    r = t.received.c
    counted = ("events", "accepted", "duplicates", "dead_letters")
    sums = [sa.func.sum(r[name]).label(name) for name in counted]
    query = sa.select(r.door, sa.func.max(r.at).label("at"), *sums).where(r.at < limit).group_by(r.door)
    folded = [dict(row._mapping) for row in connection.execute(query.order_by(r.door))]
    if folded:
        connection.execute(sa.delete(t.received).where(r.at < limit))
        connection.execute(sa.insert(t.received), [{**row, **{n: int(row[n]) for n in counted}} for row in folded])
