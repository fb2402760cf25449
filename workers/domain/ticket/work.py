"""What an agent does with a ticket that is not done yet: claim, call, note, wait, hand over."""

from dataclasses import dataclass
from datetime import datetime

from workers.calendar import next_half_day
from workers.domain.customer_case import CustomerCase
from workers.domain.records import Ticket
from workers.domain.ticket.history import Turn, awake, entry, mail_to_customer, next_version, not_done, turn
from workers.domain.types import TicketState
from workers.errors import BadInput

TRIED_MAIL = "tried"
"""The mail that says that we called in vain, and when we call again."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: who called, what to keep of it, whether the customer was reached, else whether a mail says so."""

    by: str
    text: str = ""
    reached: bool = False
    mail: bool = False


def claim(case: CustomerCase, ticket: Ticket, by: str) -> None:
    """Claim the ticket for an agent; claiming one's own again changes nothing. Raises BadInput for a done one."""
    not_done(ticket)
    if ticket.state == TicketState.CLAIMED and ticket.owner == by:
        return
    claimed = next_version(awake(ticket, case.now, case.policy), case.now, state=TicketState.CLAIMED, owner=by)
    turn(case, claimed, Turn("claimed", by))


def holder(ticket: Ticket, by: str) -> str:
    """Return who owns the ticket after an act: whoever acts on an unclaimed one takes it."""
    return by if ticket.state == TicketState.OPEN else ticket.owner or by


def take_note(case: CustomerCase, ticket: Ticket, by: str, text: str) -> None:
    """Keep a note with the ticket; raises BadInput without text."""
    if not text.strip():
        raise BadInput("A note needs some text.")
    turn(case, next_version(ticket, case.now), Turn("note", by, text.strip()))


def attempt(case: CustomerCase, ticket: Ticket, call: Call) -> None:
    """Keep a call: an attempt meets the first contact's due time; reached is counted apart.

    Without an answer the ticket waits until the next half-day. Raises BadInput for a done ticket.
    """
    not_done(ticket)
    now, reached = case.now, call.reached
    called = next_version(
        awake(ticket, now, case.policy),
        now,
        attempts=ticket.attempts + 1,
        first_contact_at=ticket.first_contact_at or now,
        reached_at=(ticket.reached_at or now) if reached else ticket.reached_at,
        owner=holder(ticket, call.by),
        state=TicketState.CLAIMED if reached else TicketState.WAITING,
        waiting_since=None if reached else now,
        waiting_until=None if reached else next_half_day(now, case.policy.calendar),
    )
    turn(case, called, Turn("reached" if reached else "no_answer", call.by, call.text.strip()))
    if call.mail and not reached and case.mailable:
        case.add(mail_to_customer(case, called, TRIED_MAIL, str(called.version)))
        case.add(entry(case, called, Turn("mail", call.by, TRIED_MAIL)))


def wait(case: CustomerCase, ticket: Ticket, by: str, until: datetime, text: str) -> None:
    """Let the ticket wait until a date: the second clock stands still, the first contact's never does.

    Raises BadInput for a date that has passed, and for a done ticket.
    """
    not_done(ticket)
    if until <= case.now:
        raise BadInput("Wait until a moment that is still to come.")
    waiting = next_version(
        awake(ticket, case.now, case.policy),
        case.now,
        state=TicketState.WAITING,
        waiting_since=case.now,
        waiting_until=until,
        owner=holder(ticket, by),
    )
    turn(case, waiting, Turn("waiting", by, text.strip()))


def resume(case: CustomerCase, ticket: Ticket) -> None:
    """Put a waiting ticket back in its owner's list, because its date has come."""
    state = TicketState.CLAIMED if ticket.owner else TicketState.OPEN
    turn(case, next_version(awake(ticket, case.now, case.policy), case.now, state=state), Turn("resumed"))


def hand_over(case: CustomerCase, ticket: Ticket, by: str, to: str, text: str) -> None:
    """Give the ticket another owner; nobody ("") hands it to the team. A waiting ticket goes on waiting.

    Handing it to who has it changes nothing. Raises BadInput for a done ticket.
    """
    not_done(ticket)
    if to == ticket.owner and ticket.state != TicketState.OPEN:
        return
    state = ticket.state
    if state != TicketState.WAITING:
        state = TicketState.CLAIMED if to else TicketState.OPEN
    handed = next_version(ticket, case.now, owner=to, state=state)
    turn(case, handed, Turn("handed_over", by, f"{to or ticket.team}: {text.strip()}".rstrip(": ")))
