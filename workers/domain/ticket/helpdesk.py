"""Helpdesk: what an agent did to a ticket in another system is done to ours. Each update counts once, by its event."""

from datetime import timedelta

from workers.cloudevents import Event, TicketChange, TicketUpdate
from workers.domain import ticket as ticketing
from workers.domain.customer_case import CustomerCase
from workers.domain.records import Ticket, TicketEntry
from workers.domain.types import TicketState
from workers.errors import BadInput
from workers.structs import replace

NEXT_DAY = timedelta(days=1)
UNDOCUMENTED = "other/helpdesk"
"""The root cause of a ticket that a helpdesk closed without naming one."""


def take_update(case: CustomerCase, event: Event) -> None:
    """Do a helpdesk's update to our ticket; raises BadInput for an unknown ticket or an impossible turn."""
    update = event.ticket
    if update is None:
        raise BadInput("A ticket event needs a ticket.")
    ticket = next((row for row in case.all(Ticket) if update.ticket in (row.id, str(row.number))), None)
    if ticket is None:
        raise BadInput(f"No ticket {update.ticket} is known. Send the id or number that stood in boucle.tickets.")
    before = case.checkpoint()
    apply_update(case, update, ticket)
    for row in list(case.work.added_since(before, TicketEntry)):
        if row.source is None:  # a line that names an answer of somebody else keeps it
            case.change(replace(row, source=event.source, event_id=event.id))


def apply_update(case: CustomerCase, update: TicketUpdate, ticket: Ticket) -> None:
    """Do to a ticket what the update means; one that is done takes everything but a reopening as a note."""
    by, text = update.by or "helpdesk", update.text
    if update.kind == TicketChange.REOPENED:
        ticketing.reopen(case, ticket, by, text)
    elif update.kind == TicketChange.NOTE:
        ticketing.take_note(case, ticket, by, text or "(no text)")
    elif ticket.state == TicketState.DONE:
        ticketing.take_note(case, ticket, by, f"{update.kind}: {text}".strip(": "))
    elif update.kind == TicketChange.CLAIMED:
        ticketing.claim(case, ticket, by)
    elif update.kind == TicketChange.ATTEMPT:
        ticketing.attempt(case, ticket, ticketing.Call(by, text))
    elif update.kind == TicketChange.WAITING:
        ticketing.wait(case, ticket, by, update.until or case.now + NEXT_DAY, text)
    elif update.kind == TicketChange.HANDED_OVER:
        ticketing.hand_over(case, ticket, by, update.to, text)
    else:
        ticketing.done(case, ticket, by, ending_of(update), elsewhere=True)


def ending_of(update: TicketUpdate) -> ticketing.Ending:
    """Return how a helpdesk ended a ticket: solved, of an undocumented cause, where it does not say."""
    return ticketing.Ending(
        outcome=update.outcome or "solved",
        root_cause=update.root_cause or UNDOCUMENTED,
        root_cause_text="" if update.root_cause else update.text,
        sentence=update.sentence,
    )
