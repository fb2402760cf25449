"""Ticket actions: what an agent does to one ticket, at the inbox or the command line, in one transaction."""

from collections.abc import Callable

from workers.domain.customer_case import CustomerCase
from workers.domain.records import Customer, Response, Ticket, TicketEntry
from workers.domain.ticket import history_order
from workers.store import read
from workers.store.engine import Store
from workers.store.ticket.of_accounts import with_answers
from workers.usecases.customer_actions import WITH_ENTRIES, CustomerActions

TicketAct = Callable[[CustomerCase, Ticket], None]
"""What an agent does to a ticket, in the case of its customer."""


class TicketActions:
    """Finds a ticket by its number and carries out an act on it."""

    def __init__(self, store: Store, actions: CustomerActions) -> None:
        self._store = store
        self._actions = actions

    def find(self, number: int) -> tuple[Ticket, Customer, list[TicketEntry]] | None:
        """Return a ticket with its customer and its history in order; None for an unknown number."""
        with self._store.reading() as connection:
            rows = read.rows_with(connection, Ticket, number=number)
            if not rows:
                return None
            customer = read.by_key(connection, Customer, rows[0].customer)
            lines = read.rows_with(connection, TicketEntry, ticket=rows[0].id, customer=rows[0].customer)
            entries = with_answers(connection, lines)
        if customer is None:
            return None
        return rows[0], customer, sorted(entries, key=history_order)

    def answer_of(self, ticket: Ticket) -> Response | None:
        """Return the answer that a ticket arose from, as it now stands; None when it is gone."""
        with self._store.reading() as connection:
            return read.by_owner(connection, Response, ticket.customer, ticket.response)

    def act(self, number: int, act: TicketAct) -> bool:
        """Do an agent's act on a ticket; False when there is no such ticket. Conflict when it changed meanwhile."""
        with self._store.reading() as connection:
            rows = read.rows_with(connection, Ticket, number=number)
        if not rows:
            return False

        def run(case: CustomerCase) -> bool:
            ticket = case.get(Ticket, rows[0].id)
            if ticket is not None:
                act(case, ticket)
            return ticket is not None

        return self._actions.act_for_owner(Ticket, rows[0].id, run, kinds=WITH_ENTRIES)
