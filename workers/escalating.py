"""Escalating: the clocks of a ticket run by themselves: waiting ends, half time passes, first contact is overdue."""

from dataclasses import replace
from datetime import datetime

from workers.changes import Changes
from workers.facts import Facts
from workers.policy import Policy
from workers.records import Ticket
from workers.ticketing import entry, resume
from workers.words import TicketState


def tickets_wake(facts: Facts, policy: Policy, now: datetime) -> Changes:
    """Return what the clocks of the customer's open ticket ask for now; nothing twice."""
    changes = Changes()
    ticket = facts.open_ticket()
    if ticket is None:
        return changes
    if ticket.state == TicketState.WAITING and ticket.waiting_until and ticket.waiting_until <= now:
        changes.merge(resume(ticket, facts, policy, now))
        return changes
    if ticket.first_contact_at is None and ticket.due_at <= now and ticket.escalated_at is None:
        changes.merge(overdue(ticket, policy, now))
    return changes


def overdue(ticket: Ticket, policy: Policy, now: datetime) -> Changes:
    """Return the ticket marked as overdue, once: the lead sees it first."""
    changes = Changes()
    marked = replace(ticket, escalated_at=now, version=ticket.version + 1, changed_at=now)
    changes.change(marked)
    changes.add(entry(marked, "overdue", "", "", now, policy))
    return changes
