"""Ticketing: a contact owed to a customer is opened, joined, claimed, tried, noted, done, reopened.

First contact is due in working hours of the team, from the moment the ticket opens; waiting never moves it. Every act
checks the version that the agent saw, so that two agents never overwrite each other.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from workers.changes import Changes
from workers.duetime import add_working, add_working_days, half_day_after, next_half_day, working_between
from workers.facts import Facts
from workers.messages import tell_ticket
from workers.planning import Happening, plan, stop
from workers.policy import Policy
from workers.records import Action, Dispatch, Response, Ticket, TicketEntry
from workers.words import BadInput, Conflict, DispatchState, MailClass, TicketState

Numbers = Callable[[], int]
"""Gives the next ticket number; injected, because numbers are handed out by the store."""

RESOLVE_WITHIN_DAYS = 2
"""Working days until a ticket should be done (our choice, shipped-tables)."""
FIRST_CONTACT = timedelta(hours=4)
RECOVERING = frozenset({"solved", "explained", "compensated"})
"""Outcomes after which the customer is asked again; `passed_on` joins them once the promise is kept."""
OUTCOMES = (
    "solved",
    "explained",
    "compensated",
    "passed_on",
    "cannot_solve",
    "not_reached",
    "wants_no_contact",
    "score_mistake",
    "duplicate",
)
ROOT_CAUSES: dict[str, tuple[str, ...]] = {
    "product": ("defect", "quality", "not_as_described", "missing_function", "hard_to_use"),
    "delivery": ("late", "damaged", "incomplete", "wrong_item", "carrier"),
    "service": ("slow_answer", "not_solved", "tone", "contradictory", "hard_to_reach"),
    "price": ("too_dear", "invoice_error", "refund_late", "unclear_terms", "payment"),
    "start": ("ordering", "out_of_stock", "set_up", "instructions", "expectations"),
}
NOT_REACHED_ATTEMPTS, NOT_REACHED_DAYS = 3, 2


def open_or_join(
    response: Response, action: Action, due: timedelta, facts: Facts, policy: Policy, now: datetime, numbers: Numbers
) -> tuple[Changes, Ticket]:
    """Return the ticket for a response: a new one, the open one it joins, or the old one reopened."""
    changes = Changes()
    deadline = add_working(now, due, policy.calendar)
    known = facts.open_ticket()
    earlier = facts.get(Ticket, response.parent or response.reference) if response.trigger == "recovery" else None
    if known is not None:
        ticket = replace(
            known,
            due_at=min(known.due_at, deadline) if known.first_contact_at is None else known.due_at,
            wants_contact=known.wants_contact or response.wants_contact,
            phone=response.phone or known.phone,
            half_day=response.half_day or known.half_day,
            version=known.version + 1,
            changed_at=now,
        )
        changes.change(ticket)
        changes.add(entry(ticket, "joined", "", said_in(response), now, policy, key=f"{response.id}/{action.decision}"))
    elif earlier is not None:
        ticket = replace(reopened(earlier, deadline, now, policy), play=action.play)
        changes.change(ticket)
        changes.add(
            entry(ticket, "reopened", "", said_in(response), now, policy, key=f"{response.id}/{action.decision}")
        )
    else:
        ticket = opened(response, action, deadline, facts, policy, now, numbers())
        changes.add(ticket)
        changes.add(entry(ticket, "opened", "", said_in(response), now, policy))
        announce(ticket, facts, policy, now, changes)
    if known is None:
        changes.merge(stop(happening("ticket_opened", ticket, now), facts, policy, now))
    turned = "joined" if known is not None else "opened" if earlier is None else "reopened"
    tell_ticket(ticket, turned, facts, policy, changes)
    return changes, ticket


def opened(
    response: Response, action: Action, deadline: datetime, facts: Facts, policy: Policy, now: datetime, number: int
) -> Ticket:
    """Return a new ticket with its two clocks: first contact, and done within two working days."""
    customer = facts.customer
    return Ticket(
        id=policy.ids.derive(response.answered_at, "ticket", response.id, str(action.decision)),
        number=number,
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
        owner=customer.owner or "",
        team="support",
        state=TicketState.OPEN,
        opened_at=now,
        due_at=deadline,
        resolve_due_at=add_working_days(now, RESOLVE_WITHIN_DAYS, policy.calendar),
        changed_at=now,
    )


def reopened(ticket: Ticket, deadline: datetime, now: datetime, policy: Policy) -> Ticket:
    """Return a done ticket open again, with both clocks started anew."""
    return replace(
        ticket,
        state=TicketState.OPEN,
        due_at=deadline,
        resolve_due_at=add_working_days(now, RESOLVE_WITHIN_DAYS, policy.calendar),
        first_contact_at=None,
        waiting_until=None,
        done_at=None,
        reopened=ticket.reopened + 1,
        escalated_at=None,
        half_time_at=None,
        version=ticket.version + 1,
        changed_at=now,
    )


def said_in(response: Response) -> str:
    """Return the score and comment as one line of the ticket's history."""
    return f"{response.score}/10 {response.comment}".strip()


def entry(
    ticket: Ticket,
    kind: str,
    by: str,
    text: str,
    now: datetime,
    policy: Policy,
    *,
    key: str = "",
    source: str | None = None,
    event_id: str | None = None,
) -> TicketEntry:
    """Return one line of a ticket's history, keyed by what happened in which version."""
    return TicketEntry(
        id=policy.ids.derive(now, "ticket_entry", ticket.id, kind, key or str(ticket.version)),
        ticket=ticket.id,
        customer=ticket.customer,
        at=now,
        kind=kind,
        by=by,
        text=text,
        source=source,
        event_id=event_id,
    )


def announce(ticket: Ticket, facts: Facts, policy: Policy, now: datetime, changes: Changes) -> None:
    """Add the one mail to the team's mailbox and the webhook, where they are set up."""
    if policy.agents_address:
        changes.add(team_dispatch(ticket, "mail", facts, policy, now))
    if policy.webhook:
        changes.add(team_dispatch(ticket, "webhook", facts, policy, now))


def team_dispatch(ticket: Ticket, kind: str, facts: Facts, policy: Policy, now: datetime) -> Dispatch:
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


def facts_of_ticket(ticket: Ticket, policy: Policy) -> dict[str, object]:
    """Return what a text about this ticket may name."""
    promise = half_day_after(ticket.due_at, policy.calendar)
    return {
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
        "sentence": ticket.sentence,
    }


def happening(name: str, ticket: Ticket, now: datetime) -> Happening:
    """Return a ticket's turn as an event that planning understands; its reference is the ticket."""
    return Happening(
        name=name,
        at=now,
        event=f"boucle/{name}/{ticket.number}/{ticket.reopened}",
        reference=ticket.id,
        label=ticket.label,
        details={"agent": ticket.owner} if ticket.owner else {},
    )


def remark(response: Response, facts: Facts, policy: Policy, now: datetime) -> Changes:
    """Return a later comment as a line of the customer's open ticket for this response, if there is one."""
    changes = Changes()
    ticket = facts.open_ticket()
    if ticket is None or ticket.response != response.id or ticket.comment == response.comment:
        return changes
    later = replace(ticket, comment=response.comment, version=ticket.version + 1, changed_at=now)
    changes.change(later)
    changes.add(entry(later, "comment", "", response.comment, now, policy))
    return changes


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


def turn(
    ticket: Ticket,
    kind: str,
    by: str,
    text: str,
    facts: Facts,
    policy: Policy,
    now: datetime,
    *,
    source: str | None = None,
    event_id: str | None = None,
) -> Changes:
    """Return a changed ticket with its line of history and its message to other systems."""
    changes = Changes()
    changes.change(ticket)
    changes.add(entry(ticket, kind, by, text, now, policy, source=source, event_id=event_id))
    tell_ticket(ticket, kind, facts, policy, changes)
    return changes


def next_version(ticket: Ticket, now: datetime, **values: object) -> Ticket:
    """Return the ticket changed, one version on."""
    return replace(ticket, version=ticket.version + 1, changed_at=now, **values)  # type: ignore[arg-type]  # columns by name


def claim(ticket: Ticket, by: str, facts: Facts, policy: Policy, now: datetime) -> Changes:
    """Return the ticket claimed by an agent."""
    not_done(ticket)
    if ticket.state == TicketState.CLAIMED and ticket.owner == by:
        return Changes()
    claimed = next_version(ticket, now, state=TicketState.CLAIMED, owner=by, waiting_until=None)
    return turn(claimed, "claimed", by, "", facts, policy, now)


def take_note(ticket: Ticket, by: str, text: str, facts: Facts, policy: Policy, now: datetime) -> Changes:
    """Return the ticket with a note."""
    if not text.strip():
        raise BadInput("A note needs some text.")
    return turn(next_version(ticket, now), "note", by, text.strip(), facts, policy, now)


def attempt(
    ticket: Ticket, by: str, text: str, facts: Facts, policy: Policy, now: datetime, *, reached: bool
) -> Changes:
    """Return the ticket after a call: an attempt meets the first contact's due time; reached is counted apart.

    Without an answer the ticket waits until the next half-day.
    """
    not_done(ticket)
    values: dict[str, object] = {
        "attempts": ticket.attempts + 1,
        "first_contact_at": ticket.first_contact_at or now,
        "owner": ticket.owner or by,
    }
    if reached:
        values |= {"reached_at": ticket.reached_at or now, "state": TicketState.CLAIMED, "waiting_until": None}
    else:
        values |= {"state": TicketState.WAITING, "waiting_until": next_half_day(now, policy.calendar)}
    return turn(
        next_version(ticket, now, **values), "reached" if reached else "no_answer", by, text, facts, policy, now
    )


def wait(ticket: Ticket, by: str, until: datetime, text: str, facts: Facts, policy: Policy, now: datetime) -> Changes:
    """Return the ticket waiting until a date: the second clock pauses, the first contact's never does."""
    not_done(ticket)
    if until <= now:
        raise BadInput("Wait until a moment that is still to come.")
    paused = int(working_between(now, until, policy.calendar).total_seconds())
    waiting = next_version(
        ticket,
        now,
        state=TicketState.WAITING,
        waiting_until=until,
        owner=ticket.owner or by,
        paused_seconds=ticket.paused_seconds + paused,
        resolve_due_at=add_working(ticket.resolve_due_at, timedelta(seconds=paused), policy.calendar),
    )
    return turn(waiting, "waiting", by, text, facts, policy, now)


def resume(ticket: Ticket, facts: Facts, policy: Policy, now: datetime) -> Changes:
    """Return a waiting ticket back in its owner's list, because its date has come."""
    state = TicketState.CLAIMED if ticket.owner else TicketState.OPEN
    return turn(next_version(ticket, now, state=state, waiting_until=None), "resumed", "", "", facts, policy, now)


def hand_over(ticket: Ticket, by: str, to: str, text: str, facts: Facts, policy: Policy, now: datetime) -> Changes:
    """Return the ticket with another owner; empty hands it to the team."""
    not_done(ticket)
    state = TicketState.OPEN if not to else TicketState.CLAIMED
    return turn(
        next_version(ticket, now, owner=to, state=state, waiting_until=None),
        "handed_over",
        by,
        f"{to or ticket.team}: {text}".rstrip(": "),
        facts,
        policy,
        now,
    )


def done(
    ticket: Ticket,
    by: str,
    *,
    outcome: str,
    root_cause: str,
    root_cause_text: str,
    sentence: str,
    facts: Facts,
    policy: Policy,
    now: datetime,
    attempt_days: int = 0,
    promised_at: datetime | None = None,
    elsewhere: bool = False,
) -> Changes:
    """Return the ticket done: the customer is told, holds end, and the recovery survey is planned where it applies.

    Raises BadInput listing what is missing; a ticket closed `elsewhere`, in a helpdesk, is taken as it comes.
    """
    not_done(ticket)
    if not elsewhere:
        check_done(ticket, outcome, root_cause, sentence, attempt_days)
    closed = next_version(
        ticket,
        now,
        state=TicketState.DONE,
        outcome=outcome,
        root_cause=root_cause,
        root_cause_text=root_cause_text,
        sentence=sentence.strip(),
        done_at=now,
        owner=ticket.owner or by,
        waiting_until=None,
        promised_at=promised_at,
        first_contact_at=ticket.first_contact_at or now,
    )
    changes = turn(closed, "done", by, outcome, facts, policy, now)
    if closed.sentence and facts.customer.email and not facts.customer.erased_at:
        changes.add(mail_done(closed, facts, policy, now))
    known = facts.copy()
    known.absorb(changes)
    finished = happening("ticket_done", closed, now)
    stopped = stop(finished, known, policy, now)
    known.absorb(stopped)
    changes.merge(stopped)
    if outcome in RECOVERING:
        changes.merge(plan(finished, known, policy, now))
    return changes


def check_done(ticket: Ticket, outcome: str, root_cause: str, sentence: str, attempt_days: int) -> None:
    """Raise BadInput, listing all that is missing, when a ticket cannot be done like this."""
    faults = []
    if outcome not in OUTCOMES:
        faults.append(f"outcome must be one of {', '.join(OUTCOMES)}")
    area, _, cause = root_cause.partition("/")
    if root_cause and area != "other" and cause not in ROOT_CAUSES.get(area, ()):
        faults.append("root cause must be one of " + ", ".join(f"{a}/{c}" for a, cs in ROOT_CAUSES.items() for c in cs))
    if outcome in RECOVERING and not root_cause:
        faults.append("a root cause is needed, so that the cause can be removed")
    if outcome in RECOVERING and not sentence.strip():
        faults.append("one sentence is needed that the customer will read")
    if outcome == "not_reached" and (ticket.attempts < NOT_REACHED_ATTEMPTS or attempt_days < NOT_REACHED_DAYS):
        faults.append(f"not_reached needs at least {NOT_REACHED_ATTEMPTS} attempts on {NOT_REACHED_DAYS} days")
    if faults:
        raise BadInput(f"Ticket {ticket.number} is not done yet: " + "; ".join(faults) + ".")


def mail_done(ticket: Ticket, facts: Facts, policy: Policy, now: datetime) -> Dispatch:
    """Return the mail that tells the customer what was done."""
    return Dispatch(
        id=policy.ids.derive(now, "mail", "done", ticket.id, str(ticket.reopened)),
        customer=ticket.customer,
        kind="mail",
        mail_class=MailClass.SERVICE,
        template="done",
        language=facts.customer.language or policy.language,
        facts=facts_of_ticket(ticket, policy),
        request=None,
        response=ticket.response,
        action=None,
        ticket=ticket.id,
        state=DispatchState.READY,
        not_before=now,
        created_at=now,
    )


def reopen(ticket: Ticket, by: str, text: str, facts: Facts, policy: Policy, now: datetime) -> Changes:
    """Return a done ticket open again; Conflict when the customer has another open one, which it should join."""
    if ticket.state != TicketState.DONE:
        return Changes()
    other = facts.open_ticket()
    if other is not None:
        return turn(next_version(other, now), "joined", by, text, facts, policy, now)
    deadline = add_working(now, FIRST_CONTACT, policy.calendar)
    changes = turn(reopened(ticket, deadline, now, policy), "reopened", by, text, facts, policy, now)
    changes.merge(stop(happening("ticket_opened", ticket, now), facts, policy, now))
    return changes
