"""Retention: how long each table keeps its rows, and deleting what is older, in short transactions.

What is not named here is kept: it is the record of what was asked, answered and done, and `privacy erase` takes the
person out of it. Deleting changes no sum of the books.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from workers.domain.attributes import FILE, Attributes, stamp_of
from workers.domain.changeset import ChangeSet
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.controls import clear_control, read_controls, set_control
from workers.store.customer import old_attributes
from workers.store.engine import Store
from workers.store.operation.old_rows import count_old, delete_old, fold_received
from workers.store.sign_in.audit_log import record_act
from workers.usecases.delivery.send_controls import forget_refusals, refusing_domains

LAST_DAY = "retention"
"""The control that holds the last day of business time on which retention ran by itself."""
ATTRIBUTE = "customer."
"""What the name of a `Keep` begins with that is about an attribute of customers."""
CHUNK = 5_000
"""Rows deleted in one transaction: short enough that no other writer waits for long."""


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
    Keep("place_answer", 90, "at", "what was kept apart at places; what counts stays"),
    Keep("history", 730, "at", "why something was not done, for 24 months"),
)


class Retention:
    """Deletes what is older than its table keeps it; may be stopped and run again at any time."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        attributes: Callable[[], Attributes] = dict,
        *,
        chunk: int = CHUNK,
    ) -> None:
        self._store = store
        self._now = now
        self._attributes = attributes
        self._chunk = chunk

    def keeps(self) -> tuple[Keep, ...]:
        """Return how long each table keeps its rows, and customers the attributes that are declared to go."""
        declared = [
            Keep(f"{ATTRIBUTE}{name}", attribute.keep_days, "told", f"as {FILE} declares it")
            for name, attribute in self._attributes().items()
            if attribute.keep_days
        ]
        return (*KEEPS, *declared)

    def plan(self) -> list[Removed]:
        """Return what would go, and delete nothing."""
        now = self._now()
        with self._store.reading(patient=True) as connection:
            return [self._counted(connection, keep, now) for keep in self.keeps()]

    def run(self, by: str) -> list[Removed]:
        """Delete what is too old, chunk by chunk, and leave one audit row."""
        now = self._now()
        removed = [Removed(keep, before(keep, now), sum(self._delete(keep, now))) for keep in self.keeps()]
        detail = {removal.keep.name: removal.rows for removal in removed}

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
            return sum(removal.rows for removal in self.run(by))
        except BaseException:
            self._store.write(lambda connection: clear_control(connection, LAST_DAY))
            raise

    @staticmethod
    def _counted(connection: Connection, keep: Keep, now: datetime) -> Removed:
        limit = before(keep, now)
        if name := attribute_of(keep):
            return Removed(keep, limit, old_attributes.count_old(connection, name, stamp_of(name), limit))
        return Removed(keep, limit, count_old(connection, keep.name, keep.since, limit))

    def _delete(self, keep: Keep, now: datetime) -> Iterator[int]:
        """Delete the oldest rows of a table, one chunk in each transaction, and give the size of each chunk."""
        limit, most = before(keep, now), self._chunk

        def some(connection: Connection) -> int:
            if name := attribute_of(keep):
                return forget_attribute(connection, name, limit, now, most)
            return delete_old(connection, keep.name, keep.since, limit, most)

        while count := self._store.write(some):
            yield count


def attribute_of(keep: Keep) -> str:
    """Return the attribute that is kept for so long; "" for a table."""
    return keep.name.removeprefix(ATTRIBUTE) if keep.name.startswith(ATTRIBUTE) else ""


def forget_attribute(connection: Connection, name: str, limit: datetime, now: datetime, most: int) -> int:
    """Take an attribute that was told too long ago from some customers; when it was told stays, so that no older event
    brings it back. Returns from how many."""
    keys = old_attributes.customers_with_old(connection, name, stamp_of(name), limit, most)
    changes = ChangeSet()
    for customer in read.lock_customers(connection, keys):
        left = {key: value for key, value in (customer.attributes or {}).items() if key != name}
        changes.change(customer.but(attributes=left or None))
    apply(connection, changes, now)
    return len(keys)


def take_day(connection: Connection, today: str, now: datetime, by: str) -> bool:
    """Claim a day's retention; false when it was claimed already, or a later one was."""
    if read_controls(connection).get(LAST_DAY, "") >= today:
        return False
    set_control(connection, LAST_DAY, today, now, by)
    return True


def before(keep: Keep, now: datetime) -> datetime:
    """Return the instant before which a table's rows go."""
    return now - timedelta(days=keep.days)
