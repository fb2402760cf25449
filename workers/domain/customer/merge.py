"""Merge: the CRM found that two customers are one person; from then on there is one case, whatever was done before.

Every row of the first customer goes to the second, so that rest periods, open tickets, planned actions and the spacing
of testimonials are looked up over the whole person. What both have is settled here: one touchpoint for each step of
a journey, one open ticket.
"""

from typing import Any

from workers.domain.attributes import account_of, stamp_of
from workers.domain.customer.profile import (
    FIELDS,
    cancel_pending,
    is_news,
    proof_of,
    take_up_held,
    told_attributes,
    with_attributes,
)
from workers.domain.customer.traces import held_address
from workers.domain.customer_case import PENDING, CustomerCase
from workers.domain.history import Why
from workers.domain.mailbox_keys import address_key
from workers.domain.records import Customer, FormerAddress, Journey, Suppression, Ticket, Touchpoint
from workers.domain.reporting.scales import out_of
from workers.domain.survey.planning import (
    call_back_unlawful,
    follow_answers,
    follow_recurrence,
    follow_start,
    follows_from_facts,
    note,
    put,
    reassess,
    replaces,
    stop,
)
from workers.domain.ticket import Turn, ended_at_once, next_version, ticket_event, turn
from workers.domain.ticket.outcomes import DUPLICATE
from workers.domain.types import Reason, TicketState, TouchpointState
from workers.structs import replace


def merge_customers(case: CustomerCase, into: CustomerCase) -> None:
    """Merge the first customer into the second; idempotent.

    Who was erased takes nothing over: the caller erases the first one too.
    """
    if case.customer.merged_into or case.id == into.id:
        return
    case.change(replace(case.customer, merged_into=into.id))
    if not into.customer.erased_at:
        join(case, into)


def join(case: CustomerCase, into: CustomerCase) -> None:
    """Give the second customer everything that is known of the first: they are one person.

    1. one profile, 2. one set of rows, 3. one touchpoint a step, 4. one open ticket, 5. what must stop stops.
    """
    first, second = case.customer, into.customer
    person = one_profile(second, first)
    into.change(person)
    if second.email and second.email != person.email:
        into.add(FormerAddress(person.id, held_address(second.email, into.ids), into.now))
    theirs = case.all(Journey)
    into.adopt(case)
    for journey in sorted(theirs, key=lambda row: row.id):
        same = into.journey(journey.trigger, journey.reference)
        if same is not None and same.id != journey.id:
            one_journey(case, into, journey, same)
    one_ticket(into)
    if person.email != first.email or person.email != second.email:
        take_up_held(into)
    zones = {person.time_zone, second.time_zone, first.time_zone}
    reassess(into, zone_changed=len(zones) > 1)
    call_back_unlawful(into)
    follow_start(into)
    follow_answers(into)
    follow_recurrence(into)
    if person.opted_out_at:
        if person.email:
            into.add(Suppression(address_key(person.email, into.ids), "opt_out", into.now, "merged"))
        cancel_pending(into, Reason.OPTED_OUT)


def one_profile(customer: Customer, other: Customer) -> Customer:
    """Return the profile of one person: each field as it was last told of either, the earliest opt-out, the later rest.

    What one of them alone has stands; a field told of both at one instant goes by the rule of any order (`is_news`).
    """
    moments = other.changed_at
    told = told_of(customer, other)
    news = [name for name in FIELDS if counts(name, customer, other)]
    attributes = with_attributes(customer.attributes, told)
    firsts = dict(other.firsts)
    for name, at in customer.firsts.items():
        firsts[name] = min(at, firsts.get(name, at))
    return replace(
        customer,
        **{name: getattr(other, name) for name in news},
        attributes=attributes,
        account=account_of(attributes),
        changed_at={
            **customer.changed_at,
            **{name: moments[name] for name in (*news, *map(stamp_of, told), *map(proof_of, news)) if name in moments},
        },
        firsts=firsts,
        opted_out_at=min(filter(None, (customer.opted_out_at, other.opted_out_at)), default=None),
        rest_until=max(filter(None, (customer.rest_until, other.rest_until)), default=None),
    )


def told_of(customer: Customer, other: Customer) -> dict[str, Any]:
    """Return the attributes of the other that count for both: each as it was last told, also where it was cleared."""
    names = [stamp.partition(".")[2] for stamp in other.changed_at if stamp.startswith(stamp_of(""))]
    theirs = other.attributes or {}
    return {
        name: theirs.get(name)
        for name in names
        if told_attributes(customer, {"attributes": {name: theirs.get(name)}}, other.changed_at[stamp_of(name)])
    }


def counts(name: str, customer: Customer, other: Customer) -> bool:
    """Tell whether the other's value of a field counts: told later, or the first one at all."""
    if name in other.changed_at:
        return is_news(name, getattr(other, name), customer, other.changed_at[name])
    return getattr(customer, name) is None and name not in customer.changed_at


def one_journey(case: CustomerCase, into: CustomerCase, theirs: Journey, ours: Journey) -> None:
    """Leave one touchpoint for each step of a journey that both customers have.

    Of two that wait the better one stands; what was asked or given up under either is not planned again.
    """
    now = into.now
    if (theirs.anchor_at, theirs.event) < (ours.anchor_at, ours.event):
        into.change(replace(theirs, id=ours.id, customer=ours.customer))
    for touchpoint in sorted(case.all(Touchpoint), key=Touchpoint.key):
        if touchpoint.journey != theirs.id:
            continue
        own = into.get(Touchpoint, ours.id, touchpoint.step)
        moved = replace(touchpoint, journey=ours.id, customer=ours.customer, changed_at=now)
        if follows_from_facts(touchpoint):
            if touchpoint.state in PENDING:
                given_up = put(touchpoint, TouchpointState.CANCELLED, Why(Reason.MERGED), now)
                case.change(given_up)
                note(case, given_up, touchpoint.state)
            if own is None:
                into.add(moved)
            elif replaces(into, moved, own):
                into.change(moved)
        elif touchpoint.state == TouchpointState.ASKED and (own is None or own.state in PENDING):
            why = Why(Reason.ALREADY_DONE, "asked before the merge")
            done = put(own or moved, TouchpointState.CANCELLED, why, now)
            (into.change if own else into.add)(done)
            note(into, done, own.state if own else "")


def one_ticket(case: CustomerCase) -> None:
    """Make one of a person's two open tickets: the other ends as its duplicate, its words go into the history.

    The one that an agent has begun stays, else the one due first. The customer is told nothing: nothing was done yet.
    """
    still_open = [ticket for ticket in case.all(Ticket) if ticket.state != TicketState.DONE]
    if len(still_open) < 2:
        return
    kept, *others = sorted(
        still_open, key=lambda ticket: (ticket.first_contact_at is None, not ticket.owner, ticket.due_at, ticket.id)
    )
    for other in others:
        ended = ended_at_once(other, DUPLICATE, case.now)
        turn(case, ended, Turn("done", text=f"{DUPLICATE}: {kept.number}"))
        stop(case, ticket_event("ticket_done", ended, case.now))
        kept = next_version(
            kept,
            case.now,
            due_at=min(kept.due_at, other.due_at) if kept.first_contact_at is None else kept.due_at,
            half_time_at=min(filter(None, (kept.half_time_at, other.half_time_at)), default=None),
            wants_contact=kept.wants_contact or other.wants_contact,
            phone=kept.phone or other.phone,
            half_day=kept.half_day or other.half_day,
        )
        said = f"{other.number}: {out_of(other)} {other.comment}".strip()
        turn(case, kept, Turn("joined", text=said))
