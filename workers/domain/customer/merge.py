"""Merge: the CRM found that two customers are one person; from then on there is one case, whatever was done before.

Every row of the first customer goes to the second, so that rest periods, open tickets, planned actions and the spacing
of testimonials are looked up over the whole person. What both have is settled here: one touchpoint for each step of
a journey, one open ticket.
"""

from dataclasses import replace
from datetime import datetime

from workers.domain.changeset import ChangeSet
from workers.domain.customer.profile import FIELDS, cancel_pending, is_news, take_up_held
from workers.domain.customer.traces import held_address
from workers.domain.customer_state import PENDING, CustomerState
from workers.domain.mailbox_keys import address_key
from workers.domain.policy import Policy
from workers.domain.records import Customer, FormerAddress, Journey, Suppression, Ticket, Touchpoint
from workers.domain.survey.planning import (
    follow_answers,
    follow_start,
    follows_from_facts,
    note,
    put,
    reassess,
    replaces,
    stop,
)
from workers.domain.ticket import ended_at_once, happening, next_version, turn
from workers.domain.ticket.outcomes import DUPLICATE
from workers.domain.types import Reason, TicketState, TouchpointState


def merge_customers(facts: CustomerState, into: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return the first customer merged into the second; idempotent.

    Who was erased takes nothing over: the caller erases the first one too.
    """
    if facts.customer.merged_into or facts.customer.id == into.customer.id:
        return ChangeSet()
    changes = ChangeSet()
    changes.change(replace(facts.customer, merged_into=into.customer.id))
    if not into.customer.erased_at:
        changes.merge(join(facts, into, policy, now))
    return changes


def join(facts: CustomerState, into: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return the second customer with everything that is known of the first, as one person.

    1. one profile, 2. one set of rows, 3. one touchpoint a step, 4. one open ticket, 5. what must stop stops.
    """
    changes = ChangeSet()
    person = into.copy()
    known = one_profile(into.customer, facts.customer)
    changes.change(known)
    if into.customer.email and into.customer.email != known.email:
        changes.add(FormerAddress(known.id, held_address(into.customer.email, policy.ids), now))
    person.customer = known
    changes.move(facts.customer.id, known.id)
    person.adopt(facts)

    def take(more: ChangeSet) -> None:
        person.absorb(more)
        changes.merge(more)

    for journey in sorted(facts.all(Journey), key=lambda row: row.id):
        same = person.journey(journey.trigger, journey.reference)
        if same is not None and same.id != journey.id:
            take(one_journey(journey, same, facts, person, policy, now))
    take(one_ticket(person, policy, now))
    if known.email != facts.customer.email or known.email != into.customer.email:
        found = ChangeSet()
        take_up_held(person, now, found)
        take(found)
    zones = {known.time_zone, into.customer.time_zone, facts.customer.time_zone}
    take(reassess(person, policy, now, zone_changed=len(zones) > 1))
    take(follow_start(person, policy, now))
    take(follow_answers(person, policy, now))
    if known.opted_out_at:
        if known.email:
            changes.add(Suppression(address_key(known.email, policy.ids), "opt_out", now, "merged"))
        cancel_pending(person, Reason.OPTED_OUT, policy, now, changes)
    return changes


def one_profile(customer: Customer, other: Customer) -> Customer:
    """Return the profile of one person: each field as it was last told of either, the earliest opt-out, the later rest.

    What one of them alone has stands; a field told of both at one instant goes by the rule of any order (`is_news`).
    """
    moments = other.changed_at
    news = [name for name in FIELDS if counts(name, customer, other)]
    firsts = dict(other.firsts)
    for name, at in customer.firsts.items():
        firsts[name] = min(at, firsts.get(name, at))
    return replace(
        customer,
        **{name: getattr(other, name) for name in news},
        changed_at={**customer.changed_at, **{name: moments[name] for name in news if name in moments}},
        firsts=firsts,
        opted_out_at=min(filter(None, (customer.opted_out_at, other.opted_out_at)), default=None),
        rest_until=max(filter(None, (customer.rest_until, other.rest_until)), default=None),
    )


def counts(name: str, customer: Customer, other: Customer) -> bool:
    """Tell whether the other's value of a field is the one that counts."""
    if name in other.changed_at:
        return is_news(name, getattr(other, name), customer, other.changed_at[name])
    return getattr(customer, name) is None and name not in customer.changed_at


def one_journey(
    theirs: Journey, ours: Journey, facts: CustomerState, person: CustomerState, policy: Policy, now: datetime
) -> ChangeSet:
    """Return one touchpoint for each step of a journey that both customers have.

    Of two that wait the better one stands; what was asked or given up under either is not planned again.
    """
    changes = ChangeSet()
    if (theirs.anchor_at, theirs.event) < (ours.anchor_at, ours.event):
        changes.change(replace(theirs, id=ours.id, customer=ours.customer))
    for touchpoint in sorted(facts.all(Touchpoint), key=Touchpoint.key):
        if touchpoint.journey != theirs.id:
            continue
        known = person.get(Touchpoint, ours.id, touchpoint.step)
        moved = replace(touchpoint, journey=ours.id, customer=ours.customer, changed_at=now)
        if follows_from_facts(touchpoint):
            if touchpoint.state in PENDING:
                given_up = put(touchpoint, TouchpointState.CANCELLED, Reason.MERGED, "", now)
                changes.change(given_up)
                note(given_up, touchpoint.state, policy, changes)
            if known is None:
                changes.add(moved)
            elif replaces(moved, known, policy, now):
                changes.change(moved)
        elif touchpoint.state == TouchpointState.ASKED and (known is None or known.state in PENDING):
            done = put(known or moved, TouchpointState.CANCELLED, Reason.ALREADY_DONE, "asked before the merge", now)
            (changes.change if known else changes.add)(done)
            note(done, known.state if known else "", policy, changes)
    return changes


def one_ticket(person: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return a person's two open tickets as one: the other ends as its duplicate, its words go into the history.

    The one that an agent has begun stays, else the one due first. The customer is told nothing: nothing was done yet.
    """
    changes = ChangeSet()
    still_open = [ticket for ticket in person.all(Ticket) if ticket.state != TicketState.DONE]
    if len(still_open) < 2:
        return changes
    kept, *others = sorted(
        still_open, key=lambda ticket: (ticket.first_contact_at is None, not ticket.owner, ticket.due_at, ticket.id)
    )
    for other in others:
        ended = ended_at_once(other, DUPLICATE, now)
        changes.merge(turn(ended, "done", "", f"{DUPLICATE}: {kept.number}", person, policy, now))
        changes.merge(stop(happening("ticket_done", ended, now), person, policy, now))
        kept = next_version(
            kept,
            now,
            due_at=min(kept.due_at, other.due_at) if kept.first_contact_at is None else kept.due_at,
            half_time_at=min(filter(None, (kept.half_time_at, other.half_time_at)), default=None),
            wants_contact=kept.wants_contact or other.wants_contact,
            phone=kept.phone or other.phone,
            half_day=kept.half_day or other.half_day,
        )
        said = f"{other.number}: {other.score}/10 {other.comment}".strip()
        changes.merge(turn(kept, "joined", "", said, person, policy, now))
    return changes
