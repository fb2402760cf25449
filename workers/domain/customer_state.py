"""Facts: what is known of one customer while a unit of work lasts; the core reads them, the use case absorbs Changes.

Nothing here reads the store; `store.read` fills it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar, cast

from workers.decision_table.model.rest_period import Asked
from workers.domain.changeset import ChangeSet
from workers.domain.records import Customer, Journey, Row, Ticket, Touchpoint
from workers.domain.types import TicketState, TouchpointState

R = TypeVar("R", bound=Row)
NONE: Mapping[tuple[object, ...], Row] = {}
PENDING = (TouchpointState.PLANNED, TouchpointState.HELD)


class CustomerState:
    """The rows of one customer, by table and key, and what was asked of their mailbox under other customers' ids."""

    __slots__ = ("_rows", "asked_elsewhere", "customer", "suppressed")

    def __init__(
        self,
        customer: Customer,
        rows: Iterable[Row] = (),
        *,
        suppressed: str = "",
        asked_elsewhere: Iterable[Asked] = (),
    ) -> None:
        self.customer = customer
        self.suppressed = suppressed
        self.asked_elsewhere = tuple(asked_elsewhere)
        self._rows: dict[type[Row], dict[tuple[object, ...], Row]] = {}
        for row in rows:
            self.put(row)

    def put(self, row: Row) -> None:
        """Put one row in its newest state."""
        self._rows.setdefault(type(row), {})[row.key()] = row

    def all(self, kind: type[R]) -> Collection[R]:
        """Return every known row of a table."""
        return cast("Collection[R]", self._rows.get(kind, NONE).values())

    def get(self, kind: type[R], *key: object) -> R | None:
        """Return one row by its key, or None."""
        return cast("R | None", self._rows.get(kind, NONE).get(key))

    def absorb(self, changes: ChangeSet) -> None:
        """Take the changes of this customer in, so that the next decision sees them."""
        for part in (changes.added, changes.changed):
            for kind, rows in part.items():
                if kind is Customer:
                    self.customer = cast(Customer, rows.get((self.customer.id,), self.customer))
                else:
                    self._put_all(kind, rows)

    def _put_all(self, kind: type[Row], rows: Mapping[tuple[object, ...], Row]) -> None:
        """Put the rows of this customer; those of a table without customers belong to nobody."""
        mine = self._rows.setdefault(kind, {})
        for key, row in rows.items():
            if getattr(row, "customer", None) == self.customer.id:
                mine[key] = row

    def adopt(self, other: "CustomerState") -> None:
        """Take the rows of a customer who turned out to be this person, as `store.moving` moves them.

        A journey that both have stays with the other customer, and its touchpoints with it.
        """
        mine = {(journey.trigger, journey.reference) for journey in self.all(Journey)}
        twice = {row.id for row in other.all(Journey) if (row.trigger, row.reference) in mine}
        for rows in other._rows.values():
            for row in rows.values():
                if getattr(row, "journey" if isinstance(row, Touchpoint) else "id", None) in twice:
                    continue
                self.put(replace(row, customer=self.customer.id))  # type: ignore[call-arg]  # every row of facts has a customer

    def journey(self, trigger: str, reference: str) -> Journey | None:
        """Return the journey with this natural key."""
        for journey in self.all(Journey):
            if journey.trigger == trigger and journey.reference == reference:
                return journey
        return None

    def pending(self) -> list[Touchpoint]:
        """Return the touchpoints that may still be asked, earliest first."""
        waiting = [one for one in self.all(Touchpoint) if one.state in PENDING]
        return sorted(waiting, key=lambda one: (one.due_at, one.journey, one.step))

    def open_ticket(self) -> Ticket | None:
        """Return the ticket that is not done; there is at most one."""
        for ticket in self.all(Ticket):
            if ticket.state != TicketState.DONE:
                return ticket
        return None

    def copy(self) -> "CustomerState":
        """Return facts that can absorb changes without touching these."""
        copied = CustomerState(self.customer, suppressed=self.suppressed, asked_elsewhere=self.asked_elsewhere)
        copied._rows = {kind: dict(rows) for kind, rows in self._rows.items()}
        return copied
