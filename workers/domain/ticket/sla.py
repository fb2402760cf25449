"""SLA: the clocks of a ticket run by themselves: waiting ends, half time passes, first contact is overdue.

Half time and due times lie in working hours already; whoever wakes late catches up, and nothing happens twice.
"""

from datetime import datetime, timedelta

from workers.calendar import Calendar, add_working_days
from workers.domain.customer_case import CustomerCase
from workers.domain.records import Ticket
from workers.domain.ticket import Turn, next_version, resume, turn
from workers.domain.types import TicketState
from workers.structs import replace

A_DAY = timedelta(days=1)
LONGEST_CLOSED = 60
"""Days that a team may be closed in a row."""


def tickets_wake(case: CustomerCase) -> None:
    """Do what the clocks of the customer's open ticket ask for now: 1. waiting, 2. half time, 3. overdue.

    Raises Missing.
    """
    for step in (end_waiting, half_time, overdue):
        ticket = case.open_ticket()
        if ticket is None:
            break
        step(case, ticket)


def told_before(calendar: Calendar, now: datetime) -> datetime:
    """Return when the lead must have been told of an overdue ticket to be told again by now: a working day ago."""
    moment = now - A_DAY
    for _ in range(LONGEST_CLOSED):
        if add_working_days(moment, 1, calendar) <= now:
            break
        moment -= A_DAY
    return moment


def end_waiting(case: CustomerCase, ticket: Ticket) -> None:
    """Put a ticket whose date has come back in its owner's list."""
    if ticket.state == TicketState.WAITING and ticket.waiting_until is not None and ticket.waiting_until <= case.now:
        resume(case, ticket)


def half_time(case: CustomerCase, ticket: Ticket) -> None:
    """Hand a ticket that nobody claimed in half its time to the whole team."""
    if ticket.state != TicketState.OPEN or ticket.half_time_at is None or ticket.half_time_at > case.now:
        return
    if ticket.owner:
        turn(case, next_version(ticket, case.now, owner="", half_time_at=None), Turn("to_team", text=ticket.owner))
    else:
        case.change(replace(ticket, half_time_at=None))  # nothing that an agent sees: no new version


def overdue(case: CustomerCase, ticket: Ticket) -> None:
    """Mark a ticket without first contact in time for the lead, who takes it where nobody has. Raises Missing.

    The lead is told again every working day for as long as nobody has made contact.
    """
    now = case.now
    if ticket.first_contact_at is not None or ticket.due_at > now:
        return
    if ticket.escalated_at is not None and add_working_days(ticket.escalated_at, 1, case.policy.calendar) > now:
        return
    lead = case.work.allocator.lead()
    claimed = ticket.state != TicketState.OPEN
    marked = next_version(ticket, now, escalated_at=now, owner=ticket.owner if claimed else lead or ticket.owner)
    turn(case, marked, Turn("overdue", text=lead))
