"""How a ticket ends and begins again: done with its outcome, a promise kept, reopened."""

from workers.calendar import add_working
from workers.domain.customer_case import CustomerCase
from workers.domain.records import Response, Ticket, TicketEntry
from workers.domain.survey.planning import plan, stop
from workers.domain.ticket.history import (
    FIRST_CONTACT,
    Turn,
    awake,
    mail_to_customer,
    next_version,
    not_done,
    ticket_event,
    turn,
)
from workers.domain.ticket.open import reopened
from workers.domain.ticket.others import tell_others
from workers.domain.ticket.outcomes import (
    CONTACTED,
    MAILED,
    PASSED_ON,
    RECOVERING,
    SCORE_MISTAKE,
    Ending,
    Tried,
    check_done,
    tried,
)
from workers.domain.ticket.work import holder
from workers.domain.types import TicketState
from workers.errors import BadInput
from workers.structs import replace

DONE_MAIL = "done"


def done(case: CustomerCase, ticket: Ticket, by: str, ending: Ending, *, elsewhere: bool = False) -> None:
    """End the ticket: the customer is told, as are the others of the account whose answers it has, holds end, and the
    recovery survey is planned where it applies.

    Raises Unfinished with all that is missing; a ticket closed `elsewhere`, in a helpdesk, is taken as it comes. Raises
    Missing.
    """
    not_done(ticket)
    ending = ending.trimmed()
    if not elsewhere:
        check_done(case, ticket, ending, tried_for(case, ticket))
    closed = closed_as(case, ticket, by, ending)
    said = "; ".join(filter(None, (ending.outcome, ending.root_cause, ending.root_cause_text, ending.sentence)))
    turn(case, closed, Turn("done", by, said))
    if closed.sentence and ending.outcome in MAILED and case.mailable:
        case.add(mail_to_customer(case, closed, DONE_MAIL, str(closed.reopened)))
    tell_others(case, closed)
    answer = case.get(Response, ticket.response)
    if ending.outcome == SCORE_MISTAKE and answer is not None:
        case.change(replace(answer, flag=SCORE_MISTAKE))
    stop(case, ticket_event("ticket_done", closed, case.now))
    if ending.outcome in RECOVERING:
        ask_again(case, closed)


def tried_for(case: CustomerCase, ticket: Ticket) -> Tried:
    """Return what was tried to reach the customer, as far as the case holds the ticket's history."""
    entries = [entry for entry in case.all(TicketEntry) if entry.ticket == ticket.id]
    return tried(entries, case.policy.calendar.zone)


def closed_as(case: CustomerCase, ticket: Ticket, by: str, ending: Ending) -> Ticket:
    """Return the ticket in its end; what only a conversation can bring about counts as contact."""
    now = case.now
    contacted = ending.outcome in CONTACTED
    return next_version(
        awake(ticket, now, case.policy),
        now,
        state=TicketState.DONE,
        outcome=ending.outcome,
        root_cause=ending.root_cause,
        root_cause_text=ending.root_cause_text,
        sentence=ending.sentence,
        promised_at=ending.promised_at if ending.outcome == PASSED_ON else None,
        kept_at=None,
        done_at=now,
        owner=holder(ticket, by),
        first_contact_at=ticket.first_contact_at or (now if contacted else None),
        reached_at=ticket.reached_at or (now if contacted else None),
        half_time_at=None,
    )


def ask_again(case: CustomerCase, ticket: Ticket) -> None:
    """Plan the recovery survey; one for each ticket, however often it was reopened."""
    plan(case, ticket_event("ticket_done", ticket, case.now))


def promise_kept(case: CustomerCase, ticket: Ticket, by: str, sentence: str) -> None:
    """Keep that the promise of a passed-on ticket was kept: the customer is told, and asked again. Idempotent.

    Raises BadInput for a ticket that promises nothing. Raises Missing.
    """
    if ticket.state != TicketState.DONE or ticket.outcome != PASSED_ON:
        raise BadInput(f"Ticket {ticket.number} was not passed on, so it has no promise to keep.")
    if ticket.kept_at is not None:
        return
    kept = next_version(ticket, case.now, kept_at=case.now, sentence=sentence.strip() or ticket.sentence)
    turn(case, kept, Turn("kept", by, sentence.strip()))
    if sentence.strip() and case.mailable:
        case.add(mail_to_customer(case, kept, DONE_MAIL, f"{kept.reopened}/kept"))
    tell_others(case, kept)
    ask_again(case, kept)


def reopen(case: CustomerCase, ticket: Ticket, by: str, text: str) -> None:
    """Open a done ticket again; where the customer has another open one, that one takes the words.

    A ticket that is open already changes nothing: a second click adds no second ticket.
    """
    if ticket.state != TicketState.DONE:
        return
    other = case.open_ticket()
    if other is not None:
        said = f"{ticket.number}: {text.strip()}".rstrip(": ")
        turn(case, next_version(other, case.now), Turn("joined", by, said))
        return
    deadline = add_working(case.now, FIRST_CONTACT, case.policy.calendar)
    again = reopened(case, ticket, FIRST_CONTACT, deadline)
    turn(case, again, Turn("reopened", by, text.strip()))
    stop(case, ticket_event("ticket_opened", again, case.now))
