"""SLA: the clocks of a ticket run by themselves: waiting ends, half time passes, first contact is overdue.

Half time and due times lie in working hours already; whoever wakes late catches up, and nothing happens twice.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from workers.calendar import Calendar, add_working_days
from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import CustomerState
from workers.domain.policy import Policy
from workers.domain.records import Ticket
from workers.domain.ticket import TicketAllocator, next_version, resume, turn
from workers.domain.types import TicketState

A_DAY = timedelta(days=1)
LONGEST_CLOSED = 60
"""Days that a team may be closed in a row."""


def tickets_wake(facts: CustomerState, policy: Policy, now: datetime, desk: TicketAllocator) -> ChangeSet:
    """Return what the clocks of the customer's open ticket ask for now: 1. waiting, 2. half time, 3. overdue."""
    changes = ChangeSet()
    known = facts.copy()
    for step in (end_waiting, half_time, overdue):
        ticket = known.open_ticket()
        if ticket is None:
            break
        more = step(ticket, known, policy, now, desk)
        known.absorb(more)
        changes.merge(more)
    return changes


def told_before(calendar: Calendar, now: datetime) -> datetime:
    """Return when the lead must have been told of an overdue ticket to be told again by now: a working day ago."""
    told = now - A_DAY
    for _ in range(LONGEST_CLOSED):
        if add_working_days(told, 1, calendar) <= now:
            break
        told -= A_DAY
    return told


def end_waiting(
    ticket: Ticket, facts: CustomerState, policy: Policy, now: datetime, desk: TicketAllocator
) -> ChangeSet:
    """Return a ticket whose date has come, back in its owner's list."""
    waited = ticket.state == TicketState.WAITING and ticket.waiting_until is not None and ticket.waiting_until <= now
    return resume(ticket, facts, policy, now) if waited else ChangeSet()


def half_time(ticket: Ticket, facts: CustomerState, policy: Policy, now: datetime, desk: TicketAllocator) -> ChangeSet:
    """Return a ticket that nobody claimed in half its time, handed to the whole team."""
    if ticket.state != TicketState.OPEN or ticket.half_time_at is None or ticket.half_time_at > now:
        return ChangeSet()
    if not ticket.owner:
        changes = ChangeSet()
        changes.change(replace(ticket, half_time_at=None))  # nothing that an agent sees: no new version
        return changes
    free = next_version(ticket, now, owner="", half_time_at=None)
    return turn(free, "to_team", "", ticket.owner, facts, policy, now)


def overdue(ticket: Ticket, facts: CustomerState, policy: Policy, now: datetime, desk: TicketAllocator) -> ChangeSet:
    """Return a ticket without first contact in time, marked for the lead, who takes it where nobody has.

    The lead is told again every working day for as long as nobody has made contact.
    """
    if ticket.first_contact_at is not None or ticket.due_at > now:
        return ChangeSet()
    if ticket.escalated_at is not None and add_working_days(ticket.escalated_at, 1, policy.calendar) > now:
        return ChangeSet()
    lead = desk.lead()
    claimed = ticket.state != TicketState.OPEN
    marked = next_version(ticket, now, escalated_at=now, owner=ticket.owner if claimed else lead or ticket.owner)
    return turn(marked, "overdue", "", lead, facts, policy, now)
