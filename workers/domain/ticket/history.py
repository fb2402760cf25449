"""The rows of a ticket's turns: the next version with its line of history, what texts may name, its two clocks."""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from workers.calendar import Calendar, add_working, half_day_after, in_zone, instant_of, working_between, zone_info
from workers.domain.customer_case import CustomerCase
from workers.domain.outbound_messages import publish_ticket
from workers.domain.policy import Policy
from workers.domain.records import Action, Dispatch, Response, Ticket, TicketEntry
from workers.domain.reporting.scales import facts_with
from workers.domain.survey.planning import JourneyEvent
from workers.domain.ticket.outcomes import DUPLICATE
from workers.domain.types import ActionState, DispatchState, MailClass, Reason, TicketState
from workers.errors import BadInput, Conflict
from workers.structs import replace

RESOLVE_WITHIN_DAYS = 2
"""Working days until a ticket should be done (our choice, shipped-tables)."""
FIRST_CONTACT = timedelta(hours=4)
"""Working hours until the first contact where the follow-up table says nothing else."""


class Turn(NamedTuple):
    """What happened to a ticket: the kind of turn, who did it (empty: nobody did), and what was said."""

    kind: str
    by: str = ""
    text: str = ""


def entry(case: CustomerCase, ticket: Ticket, what: Turn, key: str = "") -> TicketEntry:
    """Return one line of a ticket's history, keyed by what happened in which version."""
    return TicketEntry(
        id=case.ids.derive(case.now, "ticket_entry", ticket.id, what.kind, key or str(ticket.version)),
        ticket=ticket.id,
        customer=ticket.customer,
        at=case.now,
        kind=what.kind,
        by=what.by,
        text=what.text,
        source=None,
        event_id=None,
        version=ticket.version,
    )


def history_order(entry: TicketEntry) -> tuple[datetime, int, str]:
    """Return what lines of a history are sorted by: several turns may fall on one instant."""
    return entry.at, entry.version, entry.id


def next_version(ticket: Ticket, now: datetime, **values: object) -> Ticket:
    """Return the ticket changed, one version on: an agent who saw the version before gets a Conflict."""
    return replace(ticket, version=ticket.version + 1, changed_at=now, **values)  # type: ignore[arg-type]  # columns by name


def ended_at_once(ticket: Ticket, outcome: str, now: datetime) -> Ticket:
    """Return the ticket done without anybody's act: nobody may call any more, or another ticket goes on for it."""
    return next_version(
        ticket,
        now,
        state=TicketState.DONE,
        outcome=outcome,
        done_at=now,
        waiting_until=None,
        waiting_since=None,
        half_time_at=None,
    )


def turn(case: CustomerCase, ticket: Ticket, what: Turn) -> None:
    """Put a ticket in its next version, with a line of its history and the message to other systems."""
    case.change(ticket)
    case.add(entry(case, ticket, what))
    give_up_acknowledgements(case, ticket)
    publish_ticket(case, ticket, what.kind)


def contact_over(ticket: Ticket, response: Response) -> bool:
    """Tell whether the contact about an answer is over: the customer was reached since, or the ticket is done."""
    reached = ticket.reached_at is not None and ticket.reached_at >= response.settling_since
    return reached or ticket.state == TicketState.DONE


def give_up_acknowledgements(case: CustomerCase, ticket: Ticket) -> None:
    """End the mails that waited to announce a contact, once it was made; of a duplicate the other ticket's counts."""
    for action in case.all(Action):
        if action.ticket != ticket.id or action.state != ActionState.HELD or ticket.outcome == DUPLICATE:
            continue
        response = case.get(Response, action.response)
        if response is not None and contact_over(ticket, response):
            ended = {"state": ActionState.DONE, "reason": Reason.TOO_LATE, "detail": action.reason}
            case.change(replace(action, **ended, changed_at=case.now))  # type: ignore[arg-type]  # columns by name


def seen(ticket: Ticket, version: int | None) -> None:
    """Raise Conflict when the ticket has changed since the agent saw it."""
    if version is not None and version != ticket.version:
        raise Conflict(
            f"Ticket {ticket.number} was changed by somebody else meanwhile. "
            "Your text is kept here; read the ticket again, then save."
        )


def not_done(ticket: Ticket) -> None:
    """Raise BadInput when the ticket is done."""
    if ticket.state == TicketState.DONE:
        raise BadInput(f"Ticket {ticket.number} is done. Reopen it before changing it.")


def awake(ticket: Ticket, now: datetime, policy: Policy) -> Ticket:
    """Return the ticket no longer waiting, its second clock later by the working time for which it stood still.

    What is woken late waited until its date, not longer.
    """
    if ticket.state != TicketState.WAITING or ticket.waiting_since is None:
        return replace(ticket, waiting_since=None, waiting_until=None)
    end = min(now, ticket.waiting_until or now)
    paused = working_between(ticket.waiting_since, end, policy.calendar)
    due = add_working(ticket.resolve_due_at, paused, policy.calendar) if paused else ticket.resolve_due_at
    return replace(
        ticket,
        waiting_since=None,
        waiting_until=None,
        paused_seconds=ticket.paused_seconds + int(paused.total_seconds()),
        resolve_due_at=due,
    )


def promise_due(day: date, calendar: Calendar) -> datetime:
    """Return until when something promised for a day must be there: its closing; a day off is the next working one."""
    midnight = instant_of(datetime.combine(day, time()), zone_info(calendar.zone))
    return next(spans[-1][1] for begins, spans in calendar.days(midnight) if begins >= day)


def second_clock(ticket: Ticket, now: datetime, policy: Policy) -> datetime:
    """Return when the ticket should be done, as of now: a waiting one's clock stands still."""
    return awake(ticket, now, policy).resolve_due_at


def clock_due(ticket: Ticket, now: datetime, policy: Policy) -> datetime:
    """Return the due time that counts next: the first contact's until it is met, then the second clock's."""
    return ticket.due_at if ticket.first_contact_at is None else second_clock(ticket, now, policy)


def facts_of_ticket(ticket: Ticket, policy: Policy) -> dict[str, object]:
    """Return what a text about this ticket may name; a waiting ticket promises its next call."""
    promise = half_day_after(ticket.waiting_until or ticket.due_at, policy.calendar)
    return {
        **facts_with({}, ticket.question),
        "number": ticket.number,
        "label": ticket.label,
        "reference": ticket.reference,
        "trigger": ticket.trigger,
        "score": ticket.score,
        "comment": ticket.comment,
        "phone": ticket.phone,
        "half_day": ticket.half_day,
        "wants_contact": ticket.wants_contact,
        "play": ticket.play,
        "owner": ticket.owner,
        "caller": ticket.owner,
        "due_at": ticket.due_at.isoformat(),
        "resolve_due_at": ticket.resolve_due_at.isoformat(),
        "opened_at": ticket.opened_at.isoformat(),
        "promise_date": promise.day.isoformat(),
        "promise_half_day": promise.part.value,
        "promise_time": in_zone(promise.limit, policy.calendar.zone).strftime("%H:%M"),
        "sentence": ticket.sentence,
    }


def mail_to_customer(case: CustomerCase, ticket: Ticket, template: str, key: str) -> Dispatch:
    """Return one mail about a ticket to its customer; `key` makes it the only one of its kind."""
    return Dispatch(
        id=case.ids.derive(case.now, "mail", template, ticket.id, key),
        customer=ticket.customer,
        kind="mail",
        mail_class=MailClass.SERVICE,
        template=template,
        language=case.customer.language or case.policy.language,
        facts=facts_of_ticket(ticket, case.policy),
        request=None,
        response=ticket.response,
        action=None,
        ticket=ticket.id,
        state=DispatchState.READY,
        not_before=case.now,
        created_at=case.now,
    )


def ticket_event(name: str, ticket: Ticket, now: datetime) -> JourneyEvent:
    """Return a ticket's turn as an event that planning understands; its reference is the ticket."""
    return JourneyEvent(
        name=name,
        at=now,
        event=f"boucle/{name}/{ticket.number}/{ticket.reopened}",
        reference=ticket.id,
        label=ticket.label,
        details={"agent": ticket.owner} if ticket.owner else {},
    )
