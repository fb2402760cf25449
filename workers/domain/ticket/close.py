"""How a ticket ends and begins again: done with its outcome, a promise kept, reopened."""

from dataclasses import replace
from datetime import datetime

from workers.calendar import add_working
from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import CustomerState
from workers.domain.policy import Policy
from workers.domain.records import Response, Ticket, TicketEntry
from workers.domain.survey.planning import plan, stop
from workers.domain.ticket.history import (
    FIRST_CONTACT,
    awake,
    happening,
    mail_to_customer,
    may_mail,
    next_version,
    not_done,
    turn,
)
from workers.domain.ticket.open import reopened
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

DONE_MAIL = "done"


def done(
    ticket: Ticket,
    by: str,
    *,
    outcome: str,
    root_cause: str = "",
    root_cause_text: str = "",
    sentence: str = "",
    facts: CustomerState,
    policy: Policy,
    now: datetime,
    promised_at: datetime | None = None,
    elsewhere: bool = False,
) -> ChangeSet:
    """Return the ticket done: the customer is told, holds end, and the recovery survey is planned where it applies.

    Raises Unfinished with all that is missing; a ticket closed `elsewhere`, in a helpdesk, is taken as it comes.
    """
    not_done(ticket)
    ending = Ending(outcome, root_cause, root_cause_text.strip(), sentence.strip(), promised_at)
    if not elsewhere:
        check_done(ticket, ending, tried_for(ticket, facts, policy), policy.root_causes, now, mailable=may_mail(facts))
    closed = closed_as(ticket, by, ending, policy, now)
    said = "; ".join(filter(None, (outcome, root_cause, ending.root_cause_text, ending.sentence)))
    changes = turn(closed, "done", by, said, facts, policy, now)
    if closed.sentence and outcome in MAILED and may_mail(facts):
        changes.add(mail_to_customer(closed, DONE_MAIL, str(closed.reopened), facts, policy, now))
    answer = facts.get(Response, ticket.response)
    if outcome == SCORE_MISTAKE and answer is not None:
        changes.change(replace(answer, flag=SCORE_MISTAKE))
    changes.merge(stop(happening("ticket_done", closed, now), after(facts, changes), policy, now))
    if outcome in RECOVERING:
        changes.merge(ask_again(closed, after(facts, changes), policy, now))
    return changes


def tried_for(ticket: Ticket, facts: CustomerState, policy: Policy) -> Tried:
    """Return what was tried to reach the customer, as far as the facts hold the ticket's history."""
    entries = [one for one in facts.all(TicketEntry) if one.ticket == ticket.id]
    return tried(entries, policy.calendar.zone)


def closed_as(ticket: Ticket, by: str, ending: Ending, policy: Policy, now: datetime) -> Ticket:
    """Return the ticket in its end; what only a conversation can bring about counts as contact."""
    contacted = ending.outcome in CONTACTED
    return next_version(
        awake(ticket, now, policy),
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


def after(facts: CustomerState, changes: ChangeSet) -> CustomerState:
    """Return the facts with the changes taken in."""
    known = facts.copy()
    known.absorb(changes)
    return known


def ask_again(ticket: Ticket, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return the plan of the recovery survey; one for each ticket, however often it was reopened."""
    return plan(happening("ticket_done", ticket, now), facts, policy, now)


def promise_kept(
    ticket: Ticket, by: str, sentence: str, facts: CustomerState, policy: Policy, now: datetime
) -> ChangeSet:
    """Return a passed-on ticket whose promise was kept: the customer is told, and asked again. Idempotent.

    Raises BadInput for a ticket that promises nothing.
    """
    if ticket.state != TicketState.DONE or ticket.outcome != PASSED_ON:
        raise BadInput(f"Ticket {ticket.number} was not passed on, so it has no promise to keep.")
    if ticket.kept_at is not None:
        return ChangeSet()
    kept = next_version(ticket, now, kept_at=now, sentence=sentence.strip() or ticket.sentence)
    changes = turn(kept, "kept", by, sentence.strip(), facts, policy, now)
    if sentence.strip() and may_mail(facts):
        changes.add(mail_to_customer(kept, DONE_MAIL, f"{kept.reopened}/kept", facts, policy, now))
    changes.merge(ask_again(kept, after(facts, changes), policy, now))
    return changes


def reopen(ticket: Ticket, by: str, text: str, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return a done ticket open again; where the customer has another open one, that one takes the words.

    A ticket that is open already changes nothing: a second click adds no second ticket.
    """
    if ticket.state != TicketState.DONE:
        return ChangeSet()
    other = facts.open_ticket()
    if other is not None:
        said = f"{ticket.number}: {text.strip()}".rstrip(": ")
        return turn(next_version(other, now), "joined", by, said, facts, policy, now)
    deadline = add_working(now, FIRST_CONTACT, policy.calendar)
    again = reopened(ticket, FIRST_CONTACT, deadline, policy, now)
    changes = turn(again, "reopened", by, text.strip(), facts, policy, now)
    changes.merge(stop(happening("ticket_opened", again, now), after(facts, changes), policy, now))
    return changes
