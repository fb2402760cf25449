"""How a ticket begins: a response opens one, joins the open one, or brings the one back that it says is not solved.

First contact is due in working hours of the team, from the moment at which the answer was confirmed.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from workers.calendar import Wait, add_working, add_working_days, parse_wait
from workers.domain.changeset import ChangeSet
from workers.domain.customer_state import CustomerState
from workers.domain.outbound_messages import tell_ticket
from workers.domain.policy import Policy
from workers.domain.records import Action, Dispatch, Response, Ticket
from workers.domain.survey.planning import stop
from workers.domain.ticket.assignment import TicketAllocator
from workers.domain.ticket.history import (
    RESOLVE_WITHIN_DAYS,
    awake,
    entry,
    facts_of_ticket,
    happening,
    next_version,
    turn,
)
from workers.domain.types import DispatchState, MailClass, TicketState

TEAM = "support"
AT_ONCE = Wait()


def open_or_join(
    response: Response,
    action: Action,
    due: timedelta,
    facts: CustomerState,
    policy: Policy,
    now: datetime,
    desk: TicketAllocator,
) -> tuple[ChangeSet, Ticket]:
    """Return the ticket for a response: a new one, the open one it joins, or the old one reopened."""
    known = facts.open_ticket()
    if known is not None:
        return joined(known, response, action, due, facts, policy, now)
    earlier = facts.get(Ticket, response.parent or response.reference) if response.trigger == "recovery" else None
    deadline = add_working(begins(response, action), due, policy.calendar)
    changes = ChangeSet()
    if earlier is not None:
        ticket = replace(reopened(earlier, due, deadline, policy, now), play=action.play)
        changes.change(ticket)
        kind = "reopened"
    else:
        ticket = opened(response, action, due, deadline, facts, policy, now, desk)
        changes.add(ticket)
        announce(ticket, facts, policy, now, changes)
        kind = "opened"
    changes.add(entry(ticket, kind, "", said_in(response), now, policy, key=key_of(response, action)))
    changes.merge(stop(happening("ticket_opened", ticket, now), facts, policy, now))
    tell_ticket(ticket, kind, facts, policy, changes)
    return changes, ticket


def joined(
    known: Ticket,
    response: Response,
    action: Action,
    due: timedelta,
    facts: CustomerState,
    policy: Policy,
    now: datetime,
) -> tuple[ChangeSet, Ticket]:
    """Return the open ticket with what a further response says; it is due at the earlier of both, and waits no more."""
    deadline = add_working(begins(response, action), due, policy.calendar)
    earlier = known.first_contact_at is None and deadline < known.due_at
    half = add_working(begins(response, action), due / 2, policy.calendar)
    state = known.state
    if state == TicketState.WAITING:
        state = TicketState.CLAIMED if known.owner else TicketState.OPEN
    ticket = next_version(
        awake(known, now, policy),
        now,
        state=state,
        due_at=deadline if earlier else known.due_at,
        half_time_at=min(half, known.half_time_at) if earlier and known.half_time_at else known.half_time_at,
        wants_contact=known.wants_contact or response.wants_contact,
        phone=response.phone or known.phone,
        half_day=response.half_day or known.half_day,
        **({**current_words(response), "play": action.play} if known.response == response.id else {}),
    )
    changes = ChangeSet()
    changes.change(ticket)
    changes.add(entry(ticket, "joined", "", said_in(response), now, policy, key=key_of(response, action)))
    tell_ticket(ticket, "joined", facts, policy, changes)
    return changes, ticket


def begins(response: Response, action: Action) -> datetime:
    """Return from when a contact's time runs: the confirmed answer, or the end of the wait that its rule wants."""
    return response.settling_since if parse_wait(action.wait) == AT_ONCE else action.due_at


def current_words(response: Response) -> dict[str, object]:
    """Return what a ticket shows of its own response: the answer as it stands, which only the customer changes."""
    return {"score": response.score, "comment": response.comment}


def key_of(response: Response, action: Action) -> str:
    """Return what makes an answer's line in a ticket's history the only one: response and decision."""
    return f"{response.id}/{action.decision}"


def opened(
    response: Response,
    action: Action,
    due: timedelta,
    deadline: datetime,
    facts: CustomerState,
    policy: Policy,
    now: datetime,
    desk: TicketAllocator,
) -> Ticket:
    """Return a new ticket with its owner and its two clocks: first contact, and done within two working days."""
    customer = facts.customer
    return Ticket(
        id=policy.ids.derive(response.answered_at, "ticket", response.id, str(action.decision)),
        number=desk.number(),
        customer=customer.id,
        response=response.id,
        trigger=response.trigger,
        reference=response.reference,
        label=response.label,
        score=response.score,
        comment=response.comment,
        wants_contact=response.wants_contact,
        phone=response.phone or customer.phone or "",
        half_day=response.half_day,
        language=customer.language or policy.language,
        play=action.play,
        owner=desk.owner(customer.owner or ""),
        team=TEAM,
        state=TicketState.OPEN,
        opened_at=now,
        due_at=deadline,
        resolve_due_at=add_working_days(begins(response, action), RESOLVE_WITHIN_DAYS, policy.calendar),
        changed_at=now,
        half_time_at=add_working(begins(response, action), due / 2, policy.calendar),
    )


def reopened(ticket: Ticket, due: timedelta, deadline: datetime, policy: Policy, now: datetime) -> Ticket:
    """Return a done ticket open again, its clocks started anew; its history keeps how it had ended.

    Its owner keeps it, because they know the story; unclaimed at half time it goes to the team like any other.
    """
    return next_version(
        ticket,
        now,
        state=TicketState.OPEN,
        due_at=deadline,
        resolve_due_at=add_working_days(now, RESOLVE_WITHIN_DAYS, policy.calendar),
        half_time_at=add_working(now, due / 2, policy.calendar),
        first_contact_at=None,
        reached_at=None,
        waiting_since=None,
        waiting_until=None,
        paused_seconds=0,
        outcome="",
        sentence="",
        promised_at=None,
        kept_at=None,
        done_at=None,
        reopened=ticket.reopened + 1,
        escalated_at=None,
    )


def said_in(response: Response) -> str:
    """Return the score and comment as one line of the ticket's history."""
    return f"{response.score}/10 {response.comment}".strip()


def remark(response: Response, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return what a changed answer adds to the customer's open ticket, if that answer opened or joined it."""
    ticket = facts.open_ticket()
    if ticket is None:
        return ChangeSet()
    own = ticket.response == response.id
    if own and (ticket.score, ticket.comment) == (response.score, response.comment):
        return ChangeSet()
    if not own and not any(one.ticket == ticket.id and one.response == response.id for one in facts.all(Action)):
        return ChangeSet()
    later = next_version(ticket, now, **(current_words(response) if own else {}))
    return turn(later, "comment", "", said_in(response), facts, policy, now)


def announce(ticket: Ticket, facts: CustomerState, policy: Policy, now: datetime, changes: ChangeSet) -> None:
    """Add the one mail to the team's mailbox and the webhook, where they are set up."""
    if policy.agents_address:
        changes.add(team_dispatch(ticket, "mail", facts, policy, now))
    if policy.webhook:
        changes.add(team_dispatch(ticket, "webhook", facts, policy, now))


def team_dispatch(ticket: Ticket, kind: str, facts: CustomerState, policy: Policy, now: datetime) -> Dispatch:
    """Return the mail or webhook that tells the team of a ticket."""
    return Dispatch(
        id=policy.ids.derive(ticket.opened_at, kind, "ticket", ticket.id),
        customer=ticket.customer,
        kind=kind,
        mail_class=MailClass.SERVICE,
        template="ticket" if kind == "mail" else "ticket.opened",
        language=policy.language,
        facts=facts_of_ticket(ticket, policy),
        request=None,
        response=ticket.response,
        action=None,
        ticket=ticket.id,
        state=DispatchState.READY,
        not_before=now,
        created_at=now,
        recipient=policy.agents_address if kind == "mail" else "",
    )
