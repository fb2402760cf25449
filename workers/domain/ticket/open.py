"""How a ticket begins: a response opens one, joins the open one, or brings the one back that it says is not solved.

First contact is due in working hours of the team, from the moment at which the answer was confirmed.
"""

from datetime import datetime, timedelta

from workers.calendar import Wait, add_working, add_working_days, parse_wait
from workers.domain.customer_case import CustomerCase
from workers.domain.drivers import OTHER, name_of
from workers.domain.outbound_messages import publish_ticket
from workers.domain.records import Action, Dispatch, Response, Ticket, TicketEntry
from workers.domain.records.choices import codes_in
from workers.domain.reporting.scales import out_of
from workers.domain.survey.planning import stop
from workers.domain.ticket.history import (
    RESOLVE_WITHIN_DAYS,
    Turn,
    awake,
    entry,
    facts_of_ticket,
    next_version,
    ticket_event,
    turn,
)
from workers.domain.ticket.outcomes import OF_ACCOUNT
from workers.domain.types import DispatchState, MailClass, TicketState
from workers.structs import replace

TEAM = "support"
AT_ONCE = Wait()


def open_or_join(case: CustomerCase, response: Response, action: Action, due: timedelta) -> Ticket:
    """Return the ticket for a response: a new one, the open one it joins, or the old one reopened. Raises Missing."""
    open_ticket = case.open_ticket()
    if open_ticket is not None:
        return join(case, open_ticket, response, action, due)
    earlier = case.get(Ticket, response.parent or response.reference) if response.trigger == "recovery" else None
    if earlier is not None:
        deadline = add_working(begins(response, action), due, case.policy.calendar)
        ticket = replace(reopened(case, earlier, due, deadline), play=action.play)
        case.change(ticket)
    else:
        ticket = new_ticket(case, response, action, due)
        case.add(ticket)
        announce(case, ticket)
    first_turn = Turn("opened" if earlier is None else "reopened", text=said_in(response))
    case.add(entry(case, ticket, first_turn, key_of(response, action)))
    stop(case, ticket_event("ticket_opened", ticket, case.now))
    publish_ticket(case, ticket, first_turn.kind)
    return ticket


def join(case: CustomerCase, before: Ticket, response: Response, action: Action, due: timedelta) -> Ticket:
    """Return the open ticket with what a further response says; it is due at the earlier of both, and waits no more."""
    ticket = replace(
        sooner(case, before, response, action, due),
        wants_contact=before.wants_contact or response.wants_contact,
        phone=response.phone or before.phone,
        half_day=response.half_day or before.half_day,
        **({**current_words(response), "play": action.play} if before.response == response.id else {}),  # type: ignore[arg-type]  # columns by name
    )
    case.change(ticket)
    case.add(entry(case, ticket, Turn("joined", text=said_in(response)), key_of(response, action)))
    publish_ticket(case, ticket, "joined")
    return ticket


def join_host(host: CustomerCase, response: Response, action: Action, due: timedelta) -> Ticket:
    """Return the open ticket of somebody else of the same account, with a note of this answer.

    It is due at the earlier of both, and waits no more. What was said stays with the answer: the note names it, and
    whoever shows the ticket looks it up, so that it goes with its own customer. Raises ValueError without an open one.
    """
    before = host.open_ticket()
    if before is None:
        raise ValueError("a host has an open ticket")
    ticket = sooner(host, before, response, action, due)
    host.change(ticket)
    host.add(note_of(host, ticket, response, key_of(response, action)))
    publish_ticket(host, ticket, "joined")
    return ticket


def note_of(host: CustomerCase, ticket: Ticket, response: Response, key: str) -> TicketEntry:
    """Return the line of a ticket's history that names an answer of somebody else of the account."""
    noted = entry(host, ticket, Turn(OF_ACCOUNT, text=out_of(response)), key)
    return replace(noted, source=OF_ACCOUNT, event_id=key)


def sooner(case: CustomerCase, before: Ticket, response: Response, action: Action, due: timedelta) -> Ticket:
    """Return the next version of an open ticket that an answer joins: due at the earlier of both, not waiting."""
    calendar = case.policy.calendar
    deadline = add_working(begins(response, action), due, calendar)
    earlier = before.first_contact_at is None and deadline < before.due_at
    half = add_working(begins(response, action), due / 2, calendar)
    state = before.state
    if state == TicketState.WAITING:
        state = TicketState.CLAIMED if before.owner else TicketState.OPEN
    return next_version(
        awake(before, case.now, case.policy),
        case.now,
        state=state,
        due_at=deadline if earlier else before.due_at,
        half_time_at=min(half, before.half_time_at) if earlier and before.half_time_at else before.half_time_at,
    )


def begins(response: Response, action: Action) -> datetime:
    """Return from when a contact's time runs: the confirmed answer, or the end of the wait that its rule wants."""
    return response.settling_since if parse_wait(action.wait) == AT_ONCE else action.due_at


def current_words(response: Response) -> dict[str, object]:
    """Return what a ticket shows of its own response: the answer as it stands, which only the customer changes."""
    return {"score": response.score, "comment": response.comment, "question": response.question}


def key_of(response: Response, action: Action) -> str:
    """Return what makes an answer's line in a ticket's history the only one: response and decision."""
    return f"{response.id}/{action.decision}"


def new_ticket(case: CustomerCase, response: Response, action: Action, due: timedelta) -> Ticket:
    """Return a new ticket with its owner and its two clocks: first contact, and done within two working days.

    Raises Missing.
    """
    customer, calendar, begins_at = case.customer, case.policy.calendar, begins(response, action)
    return Ticket(
        id=case.ids.derive(response.answered_at, "ticket", response.id, str(action.decision)),
        number=case.work.allocator.number(),
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
        language=customer.language or case.policy.language,
        play=action.play,
        owner=case.work.allocator.owner(customer.owner or ""),
        team=TEAM,
        state=TicketState.OPEN,
        opened_at=case.now,
        due_at=add_working(begins_at, due, calendar),
        resolve_due_at=add_working_days(begins_at, RESOLVE_WITHIN_DAYS, calendar),
        changed_at=case.now,
        half_time_at=add_working(begins_at, due / 2, calendar),
        question=response.question,
    )


def reopened(case: CustomerCase, ticket: Ticket, due: timedelta, deadline: datetime) -> Ticket:
    """Return a done ticket open again, its clocks started anew; its history keeps how it had ended.

    Its owner keeps it, because they know the story; unclaimed at half time it goes to the team like any other.
    """
    now, calendar = case.now, case.policy.calendar
    return next_version(
        ticket,
        now,
        state=TicketState.OPEN,
        due_at=deadline,
        resolve_due_at=add_working_days(now, RESOLVE_WITHIN_DAYS, calendar),
        half_time_at=add_working(now, due / 2, calendar),
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
    return f"{out_of(response)} {response.comment}".strip()


def remark(case: CustomerCase, response: Response) -> None:
    """Add what a changed answer says to the customer's open ticket, if that answer opened or joined it."""
    ticket = case.open_ticket()
    if ticket is None:
        remark_to_host(case, response)
        return
    own = ticket.response == response.id
    if own and (ticket.score, ticket.comment) == (response.score, response.comment):
        return
    if not own and not any(row.ticket == ticket.id and row.response == response.id for row in case.all(Action)):
        return
    later = next_version(ticket, case.now, **(current_words(response) if own else {}))
    turn(case, later, Turn("comment", text=said_in(response)))


def remark_to_host(case: CustomerCase, response: Response) -> None:
    """Note what a changed answer says in the open ticket of its account, if that answer joined it. Raises Missing."""
    joined = {row.ticket for row in case.all(Action) if row.response == response.id and row.ticket is not None}
    if not any(case.get(Ticket, ticket) is None for ticket in joined):
        return
    host = case.host()
    ticket = host.open_ticket() if host else None
    if host is not None and ticket is not None and ticket.id in joined:
        later = next_version(ticket, case.now)
        host.change(later)
        host.add(note_of(host, later, response, f"{response.id}/v{response.n}"))
        publish_ticket(host, later, "comment")


def announce(case: CustomerCase, ticket: Ticket) -> None:
    """Add the one mail to the team's mailbox and the webhook, where they are set up."""
    if case.policy.agents_address:
        case.add(team_dispatch(case, ticket, "mail"))
    if case.policy.webhook:
        case.add(team_dispatch(case, ticket, "webhook"))


def drivers_told(case: CustomerCase, ticket: Ticket) -> dict[str, object]:
    """Return what the mail to the team may say of the reasons for the score; nothing where none was named."""
    response = case.get(Response, ticket.response)
    codes = codes_in(response.drivers) if response else ()
    named = [name_of(code, case.policy.drivers, case.policy.language, "") for code in codes if code != OTHER]
    return {"drivers": ", ".join(named), "other_driver": OTHER in codes} if codes else {}


def team_dispatch(case: CustomerCase, ticket: Ticket, kind: str) -> Dispatch:
    """Return the mail or webhook that tells the team of a ticket; its id keeps it the only one of its kind."""
    return Dispatch(
        id=case.ids.derive(ticket.opened_at, kind, "ticket", ticket.id),
        customer=ticket.customer,
        kind=kind,
        mail_class=MailClass.SERVICE,
        template="ticket" if kind == "mail" else "ticket.opened",
        language=case.policy.language,
        facts={**facts_of_ticket(ticket, case.policy), **drivers_told(case, ticket)},
        request=None,
        response=ticket.response,
        action=None,
        ticket=ticket.id,
        state=DispatchState.READY,
        not_before=case.now,
        created_at=case.now,
        recipient=case.policy.agents_address if kind == "mail" else "",
    )
