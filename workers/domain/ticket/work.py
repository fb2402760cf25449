"""What an agent does with a ticket that is not done yet: claim, call, note, wait, hand over."""

from datetime import datetime

from workers.calendar import next_half_day
from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import CustomerState
from workers.domain.policy import Policy
from workers.domain.records import Ticket
from workers.domain.ticket.history import awake, entry, mail_to_customer, may_mail, next_version, not_done, turn
from workers.domain.types import TicketState
from workers.errors import BadInput

TRIED_MAIL = "tried"
"""The mail that says that we called in vain, and when we call again."""


def claim(ticket: Ticket, by: str, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return the ticket claimed by an agent; claiming one's own again changes nothing."""
    not_done(ticket)
    if ticket.state == TicketState.CLAIMED and ticket.owner == by:
        return ChangeSet()
    claimed = next_version(awake(ticket, now, policy), now, state=TicketState.CLAIMED, owner=by)
    return turn(claimed, "claimed", by, "", facts, policy, now)


def holder(ticket: Ticket, by: str) -> str:
    """Return who owns the ticket after an act: whoever acts on an unclaimed one takes it."""
    return by if ticket.state == TicketState.OPEN else ticket.owner or by


def take_note(ticket: Ticket, by: str, text: str, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return the ticket with a note; raises BadInput without text."""
    if not text.strip():
        raise BadInput("A note needs some text.")
    return turn(next_version(ticket, now), "note", by, text.strip(), facts, policy, now)


def attempt(
    ticket: Ticket,
    by: str,
    text: str,
    facts: CustomerState,
    policy: Policy,
    now: datetime,
    *,
    reached: bool,
    mail: bool = False,
) -> ChangeSet:
    """Return the ticket after a call: an attempt meets the first contact's due time; reached is counted apart.

    Without an answer the ticket waits until the next half-day; `mail` tells the customer so.
    """
    not_done(ticket)
    called = next_version(
        awake(ticket, now, policy),
        now,
        attempts=ticket.attempts + 1,
        first_contact_at=ticket.first_contact_at or now,
        reached_at=(ticket.reached_at or now) if reached else ticket.reached_at,
        owner=holder(ticket, by),
        state=TicketState.CLAIMED if reached else TicketState.WAITING,
        waiting_since=None if reached else now,
        waiting_until=None if reached else next_half_day(now, policy.calendar),
    )
    changes = turn(called, "reached" if reached else "no_answer", by, text.strip(), facts, policy, now)
    if mail and not reached and may_mail(facts):
        changes.add(mail_to_customer(called, TRIED_MAIL, str(called.version), facts, policy, now))
        changes.add(entry(called, "mail", by, TRIED_MAIL, now, policy))
    return changes


def wait(
    ticket: Ticket, by: str, until: datetime, text: str, facts: CustomerState, policy: Policy, now: datetime
) -> ChangeSet:
    """Return the ticket waiting until a date: the second clock stands still, the first contact's never does.

    Raises BadInput for a date that has passed.
    """
    not_done(ticket)
    if until <= now:
        raise BadInput("Wait until a moment that is still to come.")
    waiting = next_version(
        awake(ticket, now, policy),
        now,
        state=TicketState.WAITING,
        waiting_since=now,
        waiting_until=until,
        owner=holder(ticket, by),
    )
    return turn(waiting, "waiting", by, text.strip(), facts, policy, now)


def resume(ticket: Ticket, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return a waiting ticket back in its owner's list, because its date has come."""
    state = TicketState.CLAIMED if ticket.owner else TicketState.OPEN
    return turn(next_version(awake(ticket, now, policy), now, state=state), "resumed", "", "", facts, policy, now)


def hand_over(
    ticket: Ticket, by: str, to: str, text: str, facts: CustomerState, policy: Policy, now: datetime
) -> ChangeSet:
    """Return the ticket with another owner; nobody ("") hands it to the team. A waiting ticket goes on waiting.

    Handing it to who has it changes nothing.
    """
    not_done(ticket)
    if to == ticket.owner and ticket.state != TicketState.OPEN:
        return ChangeSet()
    state = ticket.state
    if state != TicketState.WAITING:
        state = TicketState.CLAIMED if to else TicketState.OPEN
    handed = next_version(ticket, now, owner=to, state=state)
    return turn(handed, "handed_over", by, f"{to or ticket.team}: {text.strip()}".rstrip(": "), facts, policy, now)
