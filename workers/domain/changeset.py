"""Changes: the rows to write, the only result of the core. `store.apply` alone writes them.

A change adds a new row, changes one that is stored, publishes on a topic, cancels dispatches that have not left, or
forgets a person. Nothing here knows SQL.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from workers.domain.records import Row
from workers.domain.types import Ids


@dataclass(frozen=True, slots=True)
class Publication:
    """One message for other systems: topic name without prefix, key (the CRM's customer id), CloudEvents JSON."""

    topic: str
    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Cancel a customer's dispatches that have not left and whose `column` (request, action, ticket, customer) is
    `value`."""

    customer: str
    column: str
    value: str
    reason: str
    mail_class: str | None = None


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Forget a person: scrub every row under `customer`, our key; the CRM's id and address find what has no key.

    `ids` makes the hashes under which their earlier addresses are remembered.
    """

    customer: str
    crm_id: str
    email: str
    by: str
    ids: Ids


@dataclass(frozen=True, slots=True)
class Moving:
    """Two customers are one person: every row of `customer` belongs to `into` from now on; both are keys of ours."""

    customer: str
    into: str


@dataclass(slots=True)
class ChangeSet:
    """Rows by table and key, each in its latest state."""

    added: dict[type[Row], dict[tuple[object, ...], Row]] = field(default_factory=dict)
    changed: dict[type[Row], dict[tuple[object, ...], Row]] = field(default_factory=dict)
    stored: dict[type[Row], dict[tuple[object, ...], Row]] = field(default_factory=dict)
    """Of changed rows, how they are stored, where that is known: what stays the same need not be written."""
    published: list[Publication] = field(default_factory=list)
    cancelled: list[Cancellation] = field(default_factory=list)
    forgotten: list[Forgetting] = field(default_factory=list)
    moved: list[Moving] = field(default_factory=list)

    def __bool__(self) -> bool:
        rows = (*self.added.values(), *self.changed.values())
        return any((*rows, self.published, self.cancelled, self.forgotten, self.moved))

    def add(self, row: Row) -> None:
        """Add a row that is not stored yet."""
        self.added.setdefault(type(row), {})[row.key()] = row

    def change(self, row: Row) -> None:
        """Put the new state of a row that is stored, or that was added before in these changes."""
        key = row.key()
        fresh = self.added.get(type(row))
        if fresh is not None and key in fresh:
            fresh[key] = row
        else:
            self.changed.setdefault(type(row), {})[key] = row

    def publish(self, topic: str, key: str, value: bytes) -> None:
        """Publish one message; the order of calls is the order on the topic for one key."""
        self.published.append(Publication(topic, key, value))

    def cancel(self, cancellation: Cancellation) -> None:
        """Cancel dispatches that have not left; those that have left stay as they are."""
        self.cancelled.append(cancellation)

    def forget(self, person: Forgetting) -> None:
        """Scrub what the core does not hold of a person: texts, mails, what waits in the outbox; leave an audit row."""
        self.forgotten.append(person)

    def move(self, customer: str, into: str) -> None:
        """Give every row of one customer to another; a journey that both have stays where it is."""
        self.moved.append(Moving(customer, into))

    def rows_added(self) -> Iterable[Row]:
        """Return every added row, table by table in the order in which each was first added to."""
        return (row for rows in self.added.values() for row in rows.values())

    def rows(self) -> Iterable[Row]:
        """Return every added and changed row in its new state."""
        yield from self.rows_added()
        yield from (row for rows in self.changed.values() for row in rows.values())
