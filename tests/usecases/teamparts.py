"""What the tests of tickets in the store share: an installation with a team, and what agents do."""

from datetime import datetime

from argon2 import PasswordHasher
from embedded import Embedded, score

from workers import ticketing
from workers.changes import Changes
from workers.facts import Facts
from workers.people import People, Role
from workers.policy import Policy
from workers.records import Ticket
from workers.serving import TicketAct
from workers.store import read, tables
from workers.words import TicketState
from workers.worklist import Worklist

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class House(Embedded):
    """An installation with two agents and a lead."""

    def staff(self) -> People:
        """Add the people."""
        people = People(self.store, self.clock.now, CHEAP)
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
            (found,) = read.rows(connection, Ticket, owners, tables.ticket.c.state != TicketState.DONE)
        return found

    def act(self, number: int, doing: TicketAct) -> bool:
        """Do an act on a ticket."""
        return self.parts.serving.act_on_ticket(number, doing)

    def worklist(self) -> Worklist:
        """Return the team's tickets."""
        return Worklist(self.store, self.parts.policies.current, self.clock.now)

    def kinds(self, number: int) -> list[str]:
        """Return the kinds of a ticket's history."""
        found = self.parts.serving.ticket(number)
        assert found is not None
        return [one.kind for one in found[2]]


def claim(by: str, version: int | None = None) -> TicketAct:
    """Return the act of claiming, of the version that was seen."""

    def act(ticket: Ticket, facts: Facts, policy: Policy, now: datetime) -> Changes:
        ticketing.seen(ticket, version)
        return ticketing.claim(ticket, by, facts, policy, now)

    return act


def done(by: str = "Léa", outcome: str = "solved") -> TicketAct:
    """Return the act of ending a ticket."""
    return lambda ticket, facts, policy, now: ticketing.done(
        ticket,
        by,
        outcome=outcome,
        root_cause="delivery/late",
        sentence="Put right.",
        facts=facts,
        policy=policy,
        now=now,
    )


def reopen(by: str = "customer") -> TicketAct:
    """Return the act of reopening."""
    return lambda ticket, facts, policy, now: ticketing.reopen(ticket, by, "not solved", facts, policy, now)
