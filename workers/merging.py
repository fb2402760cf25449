"""Merging: the CRM found that two customers are one person; what is planned for the first is planned for the second.

What was asked, answered and done under the old key stays there; later events about it go to the other customer.
"""

from dataclasses import replace
from datetime import datetime

from workers.changes import Changes
from workers.facts import Facts
from workers.planning import assess, note, reassess
from workers.policy import Policy
from workers.profile import FIELDS, address_key
from workers.records import Customer, Journey, Stop, Suppression, Touchpoint


def merge_customers(facts: Facts, into: Facts, policy: Policy, now: datetime) -> Changes:
    """Return the first customer merged into the second; idempotent."""
    changes = Changes()
    if facts.customer.merged_into or facts.customer.id == into.customer.id:
        return changes
    changes.change(replace(facts.customer, merged_into=into.customer.id))
    merged = fuller(into.customer, facts.customer)
    changes.change(merged)
    if merged.opted_out_at and merged.email:
        changes.add(Suppression(address_key(merged.email, policy.ids), "opt_out", now, "merged"))
    target = into.copy()
    for stop in facts.all(Stop):
        changes.add(replace(stop, id=policy.ids.derive(stop.from_at, "merged", stop.id), customer=into.customer.id))
    target.absorb(changes)
    for touchpoint in facts.pending():
        move(touchpoint, facts, target, policy, now, changes)
    for one in (facts, target):
        known = one.copy()
        known.absorb(changes)
        changes.merge(reassess(known, policy, now))
    return changes


def fuller(customer: Customer, other: Customer) -> Customer:
    """Return the customer with what only the other one knew."""
    missing = {name: getattr(other, name) for name in FIELDS if getattr(customer, name) is None}
    firsts = dict(other.firsts)
    for name, at in customer.firsts.items():
        firsts[name] = min(at, firsts.get(name, at))
    opted_out = min(filter(None, (customer.opted_out_at, other.opted_out_at)), default=None)
    return replace(customer, **missing, firsts=firsts, opted_out_at=opted_out)


def move(touchpoint: Touchpoint, facts: Facts, into: Facts, policy: Policy, now: datetime, changes: Changes) -> None:
    """Plan a pending touchpoint for the other customer, unless it is planned or was asked there already."""
    old = next(one for one in facts.all(Journey) if one.id == touchpoint.journey)
    journey = into.journey(old.trigger, old.reference)
    if journey is None:
        key = policy.ids.derive(old.anchor_at, "journey", into.customer.id, old.trigger, old.reference)
        journey = replace(old, id=key, customer=into.customer.id)
        changes.add(journey)
        into.put(journey)
    if into.get(Touchpoint, journey.id, touchpoint.step) is None:
        moved = replace(touchpoint, journey=journey.id, customer=into.customer.id, planned_at=now, changed_at=now)
        moved = assess(moved, into, policy, now)
        changes.add(moved)
        into.put(moved)
        note(moved, "", policy, changes)
