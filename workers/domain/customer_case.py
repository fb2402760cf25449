"""The case: what is known of one customer, what the operator decided and the moment; it collects what changes.

A change is recorded and shown at once, so that the next decision sees it; `changes` is what the store writes. The cases
of one transaction share a `UnitOfWork`; a checkpoint keeps one event that fails from harming the next. Nothing here
reads the store.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar, cast

from workers.decision_table.model.rest_period import Asked
from workers.domain.changeset import Cancellation, ChangeSet, Forgetting, Moving, Publication
from workers.domain.policy import Policy
from workers.domain.records import Customer, Journey, Response, Row, Ticket, Touchpoint
from workers.domain.ticket_allocator import Missing, Need, TicketAllocator
from workers.domain.types import CustomerId, Ids, TicketState, TouchpointState

R = TypeVar("R", bound=Row)
Key = tuple[object, ...]
Rows = dict[Key, Row]
PENDING = (TouchpointState.PLANNED, TouchpointState.HELD)
NONE: Rows = {}


class Checkpoint(NamedTuple):
    """A point in a unit of work to which it can be rolled back: how much was collected by then, and what was used."""

    steps: int
    published: int
    cancelled: int
    forgotten: int
    moved: int
    used: tuple[int, int]
    now: datetime


class UnitOfWork:
    """What the cases of one transaction share: the policy, the moment, the ticket allocator and the changes so far."""

    __slots__ = ("_settled", "allocator", "changes", "now", "of_accounts", "others", "policy", "steps")

    def __init__(self, policy: Policy, now: datetime, allocator: TicketAllocator | None = None) -> None:
        self.policy = policy
        self.now = now
        self.allocator = allocator or TicketAllocator()
        self.changes = ChangeSet()
        self.of_accounts: dict[CustomerId, CustomerCase] = {}
        """The cases of customers who answer for an account: one of them may have the ticket that another joins."""
        self.others: dict[str, tuple[tuple[CustomerCase, Response], ...]] = {}
        """By ticket, who else of the account has an answer noted in it, each with the latest such answer."""
        self.steps: list[tuple[Rows, Key, Row | None]] = []
        """What each step replaced, and where, so that it can be taken back."""
        self._settled = 0

    def add(self, row: Row) -> Key:
        """Add a row that is not stored yet; return its key."""
        kind, key, added = type(row), row.key(), self.changes.added
        rows = added.get(kind)
        if rows is None:
            rows = added[kind] = {}
        self.steps.append((rows, key, rows.get(key)))
        rows[key] = row
        return key

    def change(self, row: Row) -> Key:
        """Put the new state of a row that is stored, or that was added before in this unit of work; return its key."""
        kind, key, changes = type(row), row.key(), self.changes
        rows = changes.added.get(kind)
        if rows is None or key not in rows:
            rows = changes.changed.get(kind)
            if rows is None:
                rows = changes.changed[kind] = {}
        self.steps.append((rows, key, rows.get(key)))
        rows[key] = row
        return key

    def pass_time(self, until: datetime) -> None:
        """Let time pass up to a moment, for who plays customers forward; a roll-back takes it back."""
        self.now = max(self.now, until)

    def checkpoint(self) -> Checkpoint:
        """Return the point that has been reached; two that are equal have nothing between them."""
        c = self.changes
        gathered = len(c.published), len(c.cancelled), len(c.forgotten), len(c.moved)
        return Checkpoint(self._settled + len(self.steps), *gathered, self.allocator.used, self.now)

    def settle(self) -> None:
        """Let stay what was changed so far: nothing is rolled back to a checkpoint before this any more."""
        self._settled += len(self.steps)
        self.steps.clear()

    def roll_back(self, to: Checkpoint) -> None:
        """Take back everything since a checkpoint, in every case; what was handed out since is handed out again.

        Raises ValueError for a checkpoint before what was settled or handed over: half of it could not be taken back.
        """
        if to.steps < self._settled:
            raise ValueError("what came after this checkpoint is settled")
        while self._settled + len(self.steps) > to.steps:
            rows, key, before = self.steps.pop()
            if before is None:
                del rows[key]
            else:
                rows[key] = before
        c = self.changes
        del c.published[to.published :], c.cancelled[to.cancelled :]
        del c.forgotten[to.forgotten :], c.moved[to.moved :]
        self.allocator.used, self.now = to.used, to.now

    def added_since(self, mark: Checkpoint, kind: type[R]) -> Iterator[R]:
        """Give the rows of a table that were added since a checkpoint, in their order, each once as it is now."""
        added = self.changes.added.get(kind)
        for rows, key, before in self.steps[mark.steps - self._settled :]:
            if rows is added and before is None:
                yield cast(R, rows[key])

    def hand_over(self) -> ChangeSet:
        """Return the changes so far for the store to write, and begin to collect anew."""
        changes, self.changes = self.changes, ChangeSet()
        self.settle()
        return changes


class CustomerCase:
    """One customer as they are known now, by table and key; `suppressed` is why their address gets no mail, or empty.

    `asked_elsewhere` is what their mailbox was asked under other customers' ids.
    """

    __slots__ = ("_profile", "_rows", "_self", "asked_elsewhere", "id", "suppressed", "work")

    def __init__(self, customer: Customer, work: UnitOfWork, rows: Iterable[Row] = ()) -> None:
        self.id: CustomerId = customer.id
        self.work = work
        self.suppressed = ""
        self.asked_elsewhere: tuple[Asked, ...] = ()
        self._self: Key = (customer.id,)
        self._profile: Rows = {self._self: customer}
        self._rows: dict[type[Row], Rows] = {Customer: self._profile}
        if customer.account is not None:
            work.of_accounts[customer.id] = self
        for row in rows:
            self.know(row)

    @property
    def customer(self) -> Customer:
        """The customer's profile as it is now."""
        return self._profile[self._self]  # type: ignore[return-value]  # asked for some twenty times an event

    @property
    def policy(self) -> Policy:
        """What the operator decided: the tables and settings of the whole unit of work."""
        return self.work.policy

    @property
    def now(self) -> datetime:
        """The moment of the decision, in UTC."""
        return self.work.now

    @property
    def ids(self) -> Ids:
        """What derives ids from natural keys."""
        return self.work.policy.ids

    @property
    def zone(self) -> str:
        """The customer's IANA zone, else the brand's."""
        return self.customer.time_zone or self.work.policy.zone

    @property
    def crm_id(self) -> str:
        """The CRM's id, which is the key of messages; empty once the customer is erased."""
        return self.customer.crm_id or ""

    @property
    def mailable(self) -> bool:
        """Whether a mail can be written to the customer at all."""
        return bool(self.customer.email) and not self.customer.erased_at

    @property
    def changes(self) -> ChangeSet:
        """What the store has to write, of all the cases of the unit of work."""
        return self.work.changes

    def know(self, row: Row) -> None:
        """Know a row as it is stored; no change."""
        self._rows.setdefault(type(row), {})[row.key()] = row

    def add(self, row: Row) -> None:
        """Add a row that is not stored yet, and know it."""
        self._show(row, self.work.add(row))

    def change(self, row: Row) -> None:
        """Change a row that is stored or was added before, and know its new state."""
        kind, key = type(row), self.work.change(row)
        before = self._rows.get(kind, NONE).get(key)
        if before is not None:
            stored = self.work.changes.stored
            (stored.get(kind) or stored.setdefault(kind, {})).setdefault(key, before)
        self._show(row, key)

    def cancel(self, column: str, value: str, reason: str, mail_class: str | None = None) -> None:
        """Cancel the dispatches that have not left and whose `column` is `value`; those that have left stay."""
        self.work.changes.cancelled.append(Cancellation(self.id, column, value, reason, mail_class))

    def publish(self, topic: str, value: bytes) -> None:
        """Publish one message about the customer; the order of calls is the order on the topic."""
        self.work.changes.published.append(Publication(topic, self.crm_id, value))

    def forget(self, by: str) -> None:
        """Let the store scrub what the case does not hold of the person; `by` is who asked, for the audit log."""
        who = self.customer
        person = Forgetting(who.id, who.crm_id or "", who.email or "", by, self.ids)
        self.work.changes.forgotten.append(person)

    def checkpoint(self) -> Checkpoint:
        """Return the point that the unit of work has reached."""
        return self.work.checkpoint()

    def roll_back(self, to: Checkpoint) -> None:
        """Take back everything since a checkpoint, in every case of the unit of work."""
        self.work.roll_back(to)

    def all(self, kind: type[R]) -> Sequence[R]:
        """Return every known row of a table as it is now; it may be gone through while rows are added and changed."""
        rows = self._rows.get(kind)
        return tuple(rows.values()) if rows else ()  # type: ignore[arg-type]  # by kind

    def get(self, kind: type[R], *key: object) -> R | None:
        """Return one row by the values of its primary key, or None."""
        rows = self._rows.get(kind)
        return rows.get(key) if rows else None  # type: ignore[return-value]  # by kind

    def rows(self) -> Iterator[Row]:
        """Give every known row, the customer's profile too."""
        return (row for rows in self._rows.values() for row in rows.values())

    def journey(self, trigger: str, reference: str) -> Journey | None:
        """Return the journey with this natural key, or None; `reference` is empty for one about the customer."""
        for journey in self._rows.get(Journey, NONE).values():
            if journey.trigger == trigger and journey.reference == reference:  # type: ignore[attr-defined]  # by kind
                return journey  # type: ignore[return-value]  # by kind
        return None

    def pending(self) -> list[Touchpoint]:
        """Return the touchpoints that may still be asked, earliest first."""
        waiting = [touchpoint for touchpoint in self.all(Touchpoint) if touchpoint.state in PENDING]
        return sorted(waiting, key=lambda touchpoint: (touchpoint.due_at, touchpoint.journey, touchpoint.step))

    def open_ticket(self) -> Ticket | None:
        """Return the ticket that is not done; there is at most one."""
        for ticket in self.all(Ticket):
            if ticket.state != TicketState.DONE:
                return ticket
        return None

    def host(self) -> "CustomerCase | None":
        """Return the case of who else of the customer's account has an open ticket, the oldest one; None for nobody.

        Raises Missing where the account's tickets are not known yet.
        """
        account = self.customer.account
        if account is None:
            return None
        if account not in self.work.allocator.accounts:
            raise Missing(Need.ACCOUNT, account)
        hosts = [
            (ticket.opened_at, ticket.id, case)
            for case in self.work.of_accounts.values()
            if case is not self and case.customer.account == account and (ticket := case.open_ticket()) is not None
        ]
        return min(hosts, key=lambda host: host[:2])[2] if hosts else None

    def others_in(self, ticket: Ticket) -> "tuple[tuple[CustomerCase, Response], ...]":
        """Return the cases of the others of the account whose answers are noted in a ticket, each with the latest one.

        Raises Missing where they are not known yet.
        """
        if ticket.id not in self.work.others:
            raise Missing(Need.OTHERS, ticket.id)
        return self.work.others[ticket.id]

    def adopt(self, other: "CustomerCase") -> None:
        """Take over the rows of a customer who turned out to be this person, as the store moves them.

        A journey that both have stays with the other customer, and its touchpoints with it.
        """
        self.work.changes.moved.append(Moving(other.id, self.id))
        mine = {(journey.trigger, journey.reference) for journey in self.all(Journey)}
        twice = {row.id for row in other.all(Journey) if (row.trigger, row.reference) in mine}
        for kind, rows in other._rows.items():
            if kind is Customer:
                continue
            for row in rows.values():
                if getattr(row, "journey" if isinstance(row, Touchpoint) else "id", None) not in twice:
                    mine_now = row.but(customer=self.id)  # every row of a case has a customer
                    self._show(mine_now, mine_now.key())

    def _show(self, row: Row, key: Key) -> None:
        """Know a row of this customer in a way that can be taken back; rows of no customer are nobody's."""
        kind = type(row)
        if getattr(row, "id" if kind is Customer else "customer", None) == self.id:
            rows = self._rows.get(kind)
            if rows is None:
                rows = self._rows[kind] = {}
            self.work.steps.append((rows, key, rows.get(key)))
            rows[key] = row
