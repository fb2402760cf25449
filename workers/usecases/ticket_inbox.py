"""The worklist behind the inbox page: what a team owes its customers, in the order in which it is due, and one ticket
with all that a call needs.

Reads, and lets a person go away with their tickets handed over. Acts on one ticket are `TicketActions.act`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from workers.calendar import in_zone, working_between
from workers.domain import ticket as ticketing
from workers.domain.customer_case import CustomerCase
from workers.domain.policy import Policy
from workers.domain.records import Customer, Decision, Response, Ticket, TicketEntry
from workers.domain.types import DecisionState, TicketState
from workers.store import read
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.ticket import tickets as stored
from workers.store.ticket.of_accounts import with_answers
from workers.store.ticket.roster import next_agent
from workers.usecases.sign_in.accounts import Accounts, User
from workers.usecases.ticket_actions import TicketAct, TicketActions

EARLIER_SCORES = 6
EARLIER_PROMISES = 5


class Due(StrEnum):
    """Which clock a ticket is listed by."""

    CONTACT = "contact"
    DONE = "done"
    PROMISE = "promise"


@dataclass(frozen=True, slots=True)
class Line:
    """One ticket of the list: by which clock it is listed, when that is due, and how much working time is left."""

    ticket: Ticket
    customer: Customer
    clock: Due
    due_at: datetime
    working_left: timedelta
    late: bool


@dataclass(slots=True)
class Lists:
    """The tickets of a team: each stands in exactly one list."""

    overdue: list[Line] = field(default_factory=list)
    today: list[Line] = field(default_factory=list)
    waiting: list[Line] = field(default_factory=list)
    later: list[Line] = field(default_factory=list)

    def all(self) -> Iterable[tuple[str, list[Line]]]:
        """Give the lists by name, in the order in which they are read."""
        return (("overdue", self.overdue), ("today", self.today), ("waiting", self.waiting), ("later", self.later))


@dataclass(frozen=True, slots=True)
class TicketView:
    """One ticket with all that a call needs; `line` is its place in the list, None once nothing is owed."""

    ticket: Ticket
    customer: Customer
    line: Line | None
    entries: Sequence[TicketEntry]
    scores: Sequence[Response]
    promises: Sequence[Ticket]
    decision: Decision | None
    answer: Response | None
    now: datetime


class Worklist:
    """Shows tickets to the people who call."""

    def __init__(self, store: Store, policy: Callable[[], Policy], now: Callable[[], datetime]) -> None:
        self._store = store
        self._policy = policy
        self._now = now

    def lists(self, owner: str | None = None) -> Lists:
        """Return what is owed; with an owner, theirs and what nobody has taken."""
        with self._store.reading() as connection:
            rows = [*stored.open_tickets(connection), *stored.promises(connection)]
        policy, now = self._policy(), self._now()
        mine = [(ticket, who) for ticket, who in rows if owner is None or ticket.owner in (owner, "")]
        return sorted_out((line for line in (line_of(*row, policy, now) for row in mine) if line), policy, now)

    def search(self, text: str) -> list[tuple[Ticket, Customer]]:
        """Return tickets by name, phone or number, done ones too."""
        with self._store.reading() as connection:
            return stored.search(connection, text)

    def stamp(self) -> str:
        """Return a text that changes whenever any ticket changes."""
        with self._store.reading() as connection:
            return stored.stamp(connection)

    def ticket(self, number: int) -> TicketView | None:
        """Return one ticket with all that a call needs; None when there is none, or its person was erased."""
        with self._store.reading() as connection:
            rows = stored.ticket_numbered(connection, number)
            if not rows:
                return None
            ticket, customer = rows[0]
            lines = read.rows_with(connection, TicketEntry, ticket=ticket.id, customer=customer.id)
            entries = with_answers(connection, lines)
            scores = read.rows_with(connection, Response, customer=customer.id)
            others = read.rows_with(connection, Ticket, customer=customer.id)
            decisions = read.rows_with(connection, Decision, response=ticket.response, customer=customer.id)
        now = self._now()
        current = [decision for decision in decisions if decision.state == DecisionState.CURRENT]
        with_promise = [other for other in others if other.id != ticket.id and other.sentence]
        return TicketView(
            ticket=ticket,
            customer=customer,
            line=line_of(ticket, customer, self._policy(), now),
            entries=sorted(entries, key=ticketing.history_order),
            scores=sorted(scores, key=lambda score: score.answered_at, reverse=True)[:EARLIER_SCORES],
            promises=sorted(with_promise, key=lambda promised: promised.changed_at, reverse=True)[:EARLIER_PROMISES],
            decision=current[0] if current else None,
            answer=next((score for score in scores if score.id == ticket.response), None),
            now=now,
        )

    def owned(self, name: str) -> int:
        """Return how many open tickets a person owns."""
        with self._store.reading() as connection:
            return len(list(stored.numbers_of(connection, name)))

    def leave(self, user: User, until: datetime, people: Accounts, actions: TicketActions) -> int:
        """Set a person away and hand their open tickets over, in turns; return how many. Idempotent."""
        people.set_away(user.name, until, by=user.name)
        now = self._now()
        with self._store.reading() as connection:
            numbers = list(stored.numbers_of(connection, user.name))
        for number in numbers:
            to = self._store.write(lambda connection: next_agent(connection, user.name, now))
            actions.act(number, hand_to(to, user.name))
        return len(numbers)


def hand_to(to: str, by: str) -> TicketAct:
    """Return the act that hands a ticket of one person to another, unless somebody took it meanwhile."""

    def act(case: CustomerCase, ticket: Ticket) -> None:
        if ticket.owner == by and ticket.state != TicketState.DONE:
            ticketing.hand_over(case, ticket, by, to, "")

    return act


def count_overdue(connection: Connection, policy: Policy, now: datetime) -> int:
    """Count the tickets that are not done and past the time that counts next, as the inbox lists them.

    The first time that counts is the first contact's, so only tickets past that are read: few, by their index.
    """
    begun = stored.past_first_contact(connection, now)
    return sum(ticketing.clock_due(ticket, now, policy) <= now for ticket in begun)


def line_of(ticket: Ticket, customer: Customer, policy: Policy, now: datetime) -> Line | None:
    """Return a ticket's line by the clock that counts next; None when nothing is owed any more."""
    if ticket.state == TicketState.DONE:
        if ticket.promised_at is None or ticket.kept_at is not None:
            return None
        clock, due = Due.PROMISE, ticket.promised_at
    else:
        clock = Due.CONTACT if ticket.first_contact_at is None else Due.DONE
        due = ticketing.clock_due(ticket, now, policy)
    left = working_between(now, due, policy.calendar)
    return Line(ticket, customer, clock, due, left, late=due <= now)


def sorted_out(lines: Iterable[Line], policy: Policy, now: datetime) -> Lists:
    """Return the lines in their lists: what is late first, whatever else holds of it."""
    lists = Lists()
    here = in_zone(now, policy.calendar.zone).date()
    for line in sorted(lines, key=lambda line: (line.due_at, line.ticket.number)):
        if line.late:
            lists.overdue.append(line)
        elif line.ticket.state == TicketState.WAITING:
            lists.waiting.append(line)
        elif in_zone(line.due_at, policy.calendar.zone).date() <= here:
            lists.today.append(line)
        else:
            lists.later.append(line)
    return lists
