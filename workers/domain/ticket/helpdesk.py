"""Helpdesk: what an agent did to a ticket in another system is done to ours. Each update counts once, by its event."""

from dataclasses import replace
from datetime import datetime, timedelta

from workers.cloudevents import Event, TicketChange, TicketUpdate
from workers.domain import ticket as ticketing
from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import CustomerState
from workers.domain.policy import Policy
from workers.domain.records import Ticket, TicketEntry
from workers.domain.types import TicketState
from workers.errors import BadInput

NEXT_DAY = timedelta(days=1)
UNDOCUMENTED = "other/helpdesk"
"""The root cause of a ticket that a helpdesk closed without naming one."""


def take_update(event: Event, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return the ticket after a helpdesk's update; raises BadInput for an unknown ticket or an impossible turn."""
    update = event.ticket
    if update is None:
        raise BadInput("A ticket event needs a ticket.")
    ticket = next((one for one in facts.all(Ticket) if update.ticket in (one.id, str(one.number))), None)
    if ticket is None:
        raise BadInput(f"No ticket {update.ticket} is known. Send the id or number that stood in boucle.tickets.")
    changes = apply_update(update, ticket, facts, policy, now)
    for row in list(changes.rows_added()):
        if isinstance(row, TicketEntry):
            changes.change(replace(row, source=event.source, event_id=event.id))
    return changes


def apply_update(
    update: TicketUpdate, ticket: Ticket, facts: CustomerState, policy: Policy, now: datetime
) -> ChangeSet:
    """Return the turn of the ticket that the update means."""
    by = update.by or "helpdesk"
    if update.kind == TicketChange.REOPENED:
        return ticketing.reopen(ticket, by, update.text, facts, policy, now)
    if update.kind == TicketChange.NOTE:
        return ticketing.take_note(ticket, by, update.text or "(no text)", facts, policy, now)
    if ticket.state == TicketState.DONE:
        return ticketing.take_note(ticket, by, f"{update.kind}: {update.text}".strip(": "), facts, policy, now)
    if update.kind == TicketChange.CLAIMED:
        return ticketing.claim(ticket, by, facts, policy, now)
    if update.kind == TicketChange.ATTEMPT:
        return ticketing.attempt(ticket, by, update.text, facts, policy, now, reached=False)
    if update.kind == TicketChange.WAITING:
        return ticketing.wait(ticket, by, update.until or now + NEXT_DAY, update.text, facts, policy, now)
    if update.kind == TicketChange.HANDED_OVER:
        return ticketing.hand_over(ticket, by, update.to, update.text, facts, policy, now)
    return ticketing.done(
        ticket,
        by,
        outcome=update.outcome or "solved",
        root_cause=update.root_cause or UNDOCUMENTED,
        root_cause_text="" if update.root_cause else update.text,
        sentence=update.sentence,
        facts=facts,
        policy=policy,
        now=now,
        elsewhere=True,
    )
