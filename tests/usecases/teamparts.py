"""What the tests of tickets in the store share: an installation with a team, and what agents do."""

import threading
from collections.abc import Callable
from datetime import timedelta

from argon2 import PasswordHasher
from embedded import Embedded, score

from workers.domain import ticket as ticketing
from workers.domain.customer_case import CustomerCase
from workers.domain.records import Ticket, TicketEntry
from workers.domain.types import TicketState
from workers.errors import Conflict
from workers.store import read, tables
from workers.usecases.sign_in.accounts import Accounts, Role
from workers.usecases.ticket_actions import TicketAct
from workers.usecases.ticket_inbox import Worklist

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class House(Embedded):
    """An installation with two agents and a lead."""

    def staff(self) -> Accounts:
        """Add the people."""
        people = Accounts(self.store, self.clock.now, CHEAP)
        for name, role in (("Léa", Role.AGENT), ("Max", Role.AGENT), ("Nadia", Role.LEAD)):
            people.add(name, role, by="ops")
        return people

    def low(self, subject: str, value: int = 2, **data: object) -> Ticket:
        """Let a customer of another tool give a low score, and return the open ticket."""
        event = score(value, subject, self.clock.at, **data)
        event["data"]["customer"] = {"id": subject, "email": f"{subject}@example.org", "name": f"Customer {subject}"}
        event["id"] = f"score-{subject}-{self.clock.at.isoformat()}-{value}"
        self.take(event)
        self.settle()
        return self.open(subject)

    def open(self, subject: str) -> Ticket:
        """Return the customer's open ticket."""
        with self.store.reading() as connection:
            owners = tables.ticket.c.customer.in_(
                tables.customer.select()
                .where(tables.customer.c.crm_id == subject)
                .with_only_columns(tables.customer.c.id)
            )
            (ticket,) = read.rows(connection, Ticket, owners, tables.ticket.c.state != TicketState.DONE)
        return ticket

    def act(self, number: int, doing: TicketAct) -> bool:
        """Do an act on a ticket."""
        return self.parts.ticket_actions.act(number, doing)

    def worklist(self) -> Worklist:
        """Return the team's tickets."""
        return Worklist(self.store, self.parts.policies.current, self.clock.now)

    def kinds(self, number: int) -> list[str]:
        """Return the kinds of a ticket's history."""
        ticket = self.parts.ticket_actions.find(number)
        assert ticket is not None
        return [entry.kind for entry in ticket[2]]


def claim(by: str, version: int | None = None) -> TicketAct:
    """Return the act of claiming, of the version that was seen."""

    def act(case: CustomerCase, ticket: Ticket) -> None:
        ticketing.seen(ticket, version)
        ticketing.claim(case, ticket, by)

    return act


def done(by: str = "Léa", outcome: str = "solved") -> TicketAct:
    """Return the act of ending a ticket."""
    ending = ticketing.Ending(outcome, "delivery/late", sentence="Put right.")
    return lambda case, ticket: ticketing.done(case, ticket, by, ending)


def reopen(by: str = "customer") -> TicketAct:
    """Return the act of reopening."""
    return lambda case, ticket: ticketing.reopen(case, ticket, by, "not solved")


def at_once(*works: Callable[[], object]) -> list[object]:
    """Do things in threads that start together, and return how each ended, a Conflict as its sentence."""
    ready, ends = threading.Barrier(len(works)), []

    def run(work: Callable[[], object]) -> None:
        ready.wait()
        try:
            ends.append(work())
        except Conflict as error:
            ends.append(str(error))

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def race_of_reopening(house: House) -> list[object]:
    """Let a customer reopen what is done and give a new low score at once; return how each ended, as `at_once`."""
    house.staff()
    old = house.low("1")
    house.act(old.number, done())
    house.clock.at += timedelta(days=1)
    event = score(0, "1", house.clock.at)
    event["id"] = "second"
    ends = at_once(lambda: house.act(old.number, reopen()), lambda: house.take(event))
    house.settle()
    return ends


def both_in_one_ticket(house: House) -> None:
    """Hold that one ticket is open, and that it tells once of the reopening and once of the new score."""
    entries = house.rows(TicketEntry)
    assert sum(ticket.state != TicketState.DONE for ticket in house.rows(Ticket)) == 1
    assert sum("not solved" in entry.text for entry in entries) == 1
    assert sum(entry.text.startswith("0/10") for entry in entries) == 1
