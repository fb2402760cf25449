"""Retention: how long each table keeps its rows, and deleting what is older, in short transactions.

What is not named here is kept: it is the record of what was asked, answered and done, and `privacy erase` takes the
person out of it. Deleting changes no sum of the books.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from workers.domain.types import DispatchState
from workers.store import tables as t
from workers.store.connection import Connection
from workers.store.controls import clear_control, read_controls, set_control
from workers.store.engine import Store
from workers.store.sign_in.audit_log import record_act
from workers.usecases.delivery.send_controls import forget_refusals, refusing_domains
from workers.usecases.operation.status import RETIRED

LAST_DAY = "retention"
"""The control that holds the last day of business time on which retention ran by itself."""
CHUNK = 5_000
"""Rows deleted in one transaction: short enough that no other writer waits for long."""
ENDED = (
    DispatchState.ACCEPTED,
    DispatchState.FAILED,
    DispatchState.UNKNOWN,
    DispatchState.BOUNCED,
    DispatchState.CANCELLED,
    DispatchState.SUPPRESSED,
)


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days a table keeps its rows, counted from what, and why no longer."""

    name: str
    days: int
    since: str
    why: str


@dataclass(frozen=True, slots=True)
class Removed:
    """What one table lost, or would lose."""

    keep: Keep
    before: datetime
    rows: int


KEEPS: tuple[Keep, ...] = (
    Keep("inbox", 30, "received_at", "short memory against duplicates; natural keys are the long one"),
    Keep("dead_letter", 30, "received_at", "may hold personal data that nobody could sort"),
    Keep("click", 90, "at", "evidence of machine clicks, of no use later"),
    Keep("dispatch_body", 30, "the mail's end", "the text of a mail; what it was about stays"),
    Keep("shadow", 90, "at", "what a candidate table would have done; of no use once it is live or dropped"),
    Keep("history", 730, "at", "why something was not done, for 24 months"),
)


def condition(keep: Keep, before: datetime) -> sa.ColumnElement[bool]:
    """Return the condition of the rows of a table that are older than it keeps them."""
    table = t.metadata.tables[keep.name]
    if table is not t.dispatch_body:
        return table.c[keep.since] < before
    d = t.dispatch.c
    ended = sa.select(d.id).where(d.state.in_(ENDED), sa.func.coalesce(d.changed_at, d.created_at) < before)
    return table.c.dispatch.in_(ended)


class Retention:
    """Deletes what is older than its table keeps it; may be stopped and run again at any time."""

    def __init__(self, store: Store, now: Callable[[], datetime], *, chunk: int = CHUNK) -> None:
        self._store = store
        self._now = now
        self._chunk = chunk

    def plan(self) -> list[Removed]:
        """Return what would go, and delete nothing."""
        now = self._now()
        with self._store.reading(patient=True) as connection:
            return [self._counted(connection, keep, now) for keep in KEEPS]

    def run(self, by: str) -> list[Removed]:
        """Delete what is too old, chunk by chunk, and leave one audit row."""
        now = self._now()
        removed = [Removed(keep, before(keep, now), sum(self._delete(keep, now))) for keep in KEEPS]
        detail = {one.keep.name: one.rows for one in removed}

        def end(connection: Connection) -> None:
            forget_refusals(connection, but=refusing_domains(connection, now))
            fold_received(connection, now - timedelta(days=KEEPS[0].days))
            record_act(connection, now, by, "retention", "", detail)

        self._store.write(end)
        return removed

    def run_if_due(self, by: str) -> int:
        """Run once a day of business time, and return how many rows went; whoever comes first does it for all."""
        today = f"{self._now():%Y-%m-%d}"
        if not self._store.write(lambda connection: take_day(connection, today, self._now(), by)):
            return 0
        try:
            return sum(one.rows for one in self.run(by))
        except BaseException:
            self._store.write(lambda connection: clear_control(connection, LAST_DAY))
            raise

    @staticmethod
    def _counted(connection: Connection, keep: Keep, now: datetime) -> Removed:
        table, limit = t.metadata.tables[keep.name], before(keep, now)
        found = connection.execute(sa.select(sa.func.count()).select_from(table).where(condition(keep, limit)))
        return Removed(keep, limit, int(found.scalar_one()))

    def _delete(self, keep: Keep, now: datetime) -> Iterator[int]:
        """Delete the oldest rows of a table, one chunk in each transaction, and give the size of each chunk."""
        limit = before(keep, now)
        while count := self._store.write(lambda connection: delete_some(connection, keep, limit, self._chunk)):
            yield count


def take_day(connection: Connection, today: str, now: datetime, by: str) -> bool:
    """Claim a day's retention; false when it was claimed already, or a later one was."""
    if read_controls(connection).get(LAST_DAY, "") >= today:
        return False
    set_control(connection, LAST_DAY, today, now, by)
    return True


def before(keep: Keep, now: datetime) -> datetime:
    """Return the instant before which a table's rows go."""
    return now - timedelta(days=keep.days)


def delete_some(connection: Connection, keep: Keep, limit: datetime, most: int) -> int:
    """Delete some rows of a table that are too old, oldest first, and return how many."""
    table = t.metadata.tables[keep.name]
    key = list(table.primary_key)
    order = key if table is t.dispatch_body else [table.c[keep.since], *key]
    old = sa.select(*key).where(condition(keep, limit)).order_by(*order).limit(most)
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
