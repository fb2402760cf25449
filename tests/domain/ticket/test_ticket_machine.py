"""Whatever agents, customers and clocks do to tickets in whatever order: the promises that always hold."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from ticketparts import Case, changes_of, desk

from workers.calendar import add_working, add_working_days
from workers.domain import ticket as ticketing
from workers.domain.records import Dispatch, Stop, Ticket, TicketEntry, Touchpoint
from workers.domain.ticket import OUTCOMES, Call, Ending, Unfinished
from workers.domain.ticket.sla import tickets_wake
from workers.domain.types import TicketState
from workers.errors import BadInput

AGENTS = st.sampled_from(["Léa", "Max"])
CALLS = {"no_answer", "reached"}


class Tickets(RuleBasedStateMachine):
    """One customer who answers, agents who act, clocks that run; `case` refuses rows that are added twice."""

    def __init__(self) -> None:
        super().__init__()
        self.case = Case(desk("Léa", "Max"))
        self.answers = 0
        self.promised: dict[tuple[str, int], object] = {}
        self.versions: dict[str, int] = {}

    def open(self) -> Ticket | None:
        """Return the open ticket."""
        return self.case.open_ticket()

    def act(self, doing: Callable[..., object], *arguments: object, **more: object) -> None:
        """Do an act on the latest ticket; what is refused changes nothing."""
        self.case.act(doing, *arguments, **more)

    @rule(minutes=st.integers(1, 6 * 24 * 60))
    def time_passes(self, minutes: int) -> None:
        """Let time pass and the clocks run."""
        self.case.later(timedelta(minutes=minutes))
        changes_of(self.case, lambda: tickets_wake(self.case))

    @rule(score=st.integers(0, 6), hours=st.sampled_from([4, 8]))
    def customer_answers(self, score: int, hours: int) -> None:
        """Let a further low answer ask for contact."""
        self.answers += 1
        self.case.answered(score, f"r{self.answers}", timedelta(hours=hours))

    @precondition(lambda self: self.open())
    @rule(by=AGENTS)
    def claim(self, by: str) -> None:
        """Claim the open ticket."""
        self.act(ticketing.claim, by)

    @precondition(lambda self: self.open())
    @rule(by=AGENTS, reached=st.booleans(), mail=st.booleans())
    def call(self, by: str, reached: bool, mail: bool) -> None:
        """Call the customer."""
        self.act(ticketing.attempt, Call(by, reached=reached, mail=mail))

    @precondition(lambda self: self.open())
    @rule(by=AGENTS, hours=st.integers(1, 24 * 20))
    def wait(self, by: str, hours: int) -> None:
        """Let the ticket wait."""
        self.act(ticketing.wait, by, self.case.now + timedelta(hours=hours), "")

    @precondition(lambda self: self.open())
    @rule(by=AGENTS, to=st.sampled_from(["Léa", "Max", ""]))
    def hand_over(self, by: str, to: str) -> None:
        """Hand the ticket over."""
        self.act(ticketing.hand_over, by, to, "")

    @precondition(lambda self: self.open())
    @rule(by=AGENTS, outcome=st.sampled_from(OUTCOMES))
    def done(self, by: str, outcome: str) -> None:
        """End the ticket, if it may be ended like that."""
        promised_at = self.case.now + timedelta(days=1)
        try:
            self.act(ticketing.done, by, Ending(outcome, "delivery/late", "", "Put right.", promised_at))
        except Unfinished:
            return

    @precondition(lambda self: self.answers)
    @rule()
    def reopen(self) -> None:
        """Let the customer say that the latest ticket is not solved."""
        self.act(ticketing.reopen, "customer", "no")

    @precondition(lambda self: self.answers)
    @rule()
    def keep(self) -> None:
        """Say that the promise was kept."""
        try:
            self.act(ticketing.promise_kept, "Léa", "")
        except BadInput:
            return

    @invariant()
    def one_open(self) -> None:
        """A customer has one open ticket at most."""
        assert sum(ticket.state != TicketState.DONE for ticket in self.case.all(Ticket)) <= 1

    @invariant()
    def the_lead_is_told_once_a_working_day(self) -> None:
        """Of a ticket that is overdue, until it is reopened with a new due time."""
        for ticket in self.case.all(Ticket):
            entries = [entry for entry in self.case.all(TicketEntry) if entry.ticket == ticket.id]
            turns = sorted(
                (entry for entry in entries if entry.kind in ("overdue", "reopened")), key=ticketing.history_order
            )
            for before, after in pairwise(turns):
                if (before.kind, after.kind) == ("overdue", "overdue"):
                    assert add_working_days(before.at, 1, self.case.policy.calendar) <= after.at

    @invariant()
    def counts_add_up(self) -> None:
        """What a ticket counts is what its history tells, as the books check it."""
        for ticket in self.case.all(Ticket):
            kinds = Counter(entry.kind for entry in self.case.all(TicketEntry) if entry.ticket == ticket.id)
            assert kinds["opened"] == 1
            assert ticket.attempts == sum(kinds[call] for call in CALLS)
            assert ticket.reopened == kinds["reopened"]
            assert kinds["done"] == ticket.reopened + (ticket.state == TicketState.DONE)

    @invariant()
    def states_hold_together(self) -> None:
        """A state and the columns that belong to it never say different things."""
        for ticket in self.case.all(Ticket):
            waiting = ticket.state == TicketState.WAITING
            assert waiting == (ticket.waiting_until is not None) == (ticket.waiting_since is not None)
            assert (ticket.state == TicketState.DONE) == (ticket.done_at is not None) == bool(ticket.outcome)
            assert ticket.state != TicketState.CLAIMED or ticket.owner
            assert not ticket.reached_at or ticket.first_contact_at
            assert not ticket.kept_at or ticket.promised_at

    @invariant()
    def first_contact_is_never_moved_back(self) -> None:
        """Nothing moves the first contact's due time back, and only a join moves it forward."""
        for ticket in self.case.all(Ticket):
            key = (ticket.id, ticket.reopened)
            before = self.promised.setdefault(key, ticket.due_at)
            assert ticket.due_at <= before  # type: ignore[operator]
            self.promised[key] = ticket.due_at

    @invariant()
    def versions_grow(self) -> None:
        """A version never goes back."""
        for ticket in self.case.all(Ticket):
            assert ticket.version >= self.versions.get(ticket.id, 0)
            self.versions[ticket.id] = ticket.version

    @invariant()
    def second_clock_stood_still_for_the_waits(self) -> None:
        """The second clock is later by the paused working time, however many waits that was."""
        for ticket in self.case.all(Ticket):
            if ticket.reopened or not ticket.paused_seconds:
                continue
            calendar = self.case.policy.calendar
            first = add_working_days(ticket.opened_at, ticketing.RESOLVE_WITHIN_DAYS, calendar)
            assert ticket.resolve_due_at == add_working(first, timedelta(seconds=ticket.paused_seconds), calendar)

    @invariant()
    def nothing_is_told_or_asked_twice(self) -> None:
        """One recovery survey for each ticket, one mail for each end, holds that end."""
        asked = Counter(
            touchpoint.reference for touchpoint in self.case.all(Touchpoint) if touchpoint.trigger == "recovery"
        )
        assert all(count == 1 for count in asked.values())
        for ticket in self.case.all(Ticket):
            mails = [
                dispatch
                for dispatch in self.case.all(Dispatch)
                if dispatch.ticket == ticket.id and dispatch.template == "done"
            ]
            assert len(mails) <= ticket.reopened + 1
        if self.open() is None and self.answers:
            ends = [stop.from_at for stop in self.case.all(Stop) if stop.effect == "end"]
            assert ends
            assert max(ends) >= max(stop.from_at for stop in self.case.all(Stop) if stop.effect == "hold")


Tickets.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestTickets = Tickets.TestCase
