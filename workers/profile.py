"""Profile: what the CRM says of a customer, whatever the order in which it says it.

Each field keeps the event time of its last change; an older word never overwrites a newer one. Opt-out is for ever;
erasure is in `erasing`. Nothing here plans or asks.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from workers.changes import Changes
from workers.facts import Facts
from workers.planning import reassess, zone_of
from workers.policy import Policy
from workers.records import Action, Customer, Suppression
from workers.words import ActionState, CustomerId, Ids, MailClass, Reason

FIELDS = ("email", "name", "phone", "language", "time_zone", "segment", "owner", "may_promote")


def customer_id(crm_id: str, ids: Ids) -> CustomerId:
    """Return our key for the CRM's id; the same whatever is known of the customer, so two writers agree."""
    return CustomerId(ids.derive(None, "customer", crm_id))


def new_customer(crm_id: str, ids: Ids, now: datetime) -> Customer:
    """Return a customer of whom nothing but the id is known."""
    return Customer(id=customer_id(crm_id, ids), crm_id=crm_id, created_at=now)


def address_key(email: str, ids: Ids) -> str:
    """Return the keyed hash under which an address is suppressed."""
    return ids.keyed_hash("address", email.strip().lower())


def learn(fields: Mapping[str, object], at: datetime, facts: Facts, policy: Policy, now: datetime) -> Changes:
    """Return the customer with the fields that are news, and what that changes for planned touchpoints."""
    changes = Changes()
    customer = facts.customer
    if customer.erased_at:
        return changes
    moment = at.isoformat()
    news = {name: fields[name] for name in FIELDS if name in fields and customer.changed_at.get(name, "") <= moment}
    values = {name: value for name, value in news.items() if getattr(customer, name) != value}
    stamps = {**customer.changed_at, **dict.fromkeys(news, moment)}
    if not values and stamps == customer.changed_at:
        return changes
    known = replace(customer, changed_at=stamps, **values)  # type: ignore[arg-type]  # the schema typed the fields
    changes.change(known)
    if "email" in values or "time_zone" in values:
        later = facts.copy()
        later.absorb(changes)
        zone_changed = zone_of(customer, policy) != zone_of(known, policy)
        changes.merge(reassess(later, policy, now, zone_changed=zone_changed))
    return changes


def opt_out(facts: Facts, policy: Policy, now: datetime, *, how: str) -> Changes:
    """Return the customer opted out at once and for ever; what is planned or has not left is cancelled."""
    changes = Changes()
    customer = facts.customer
    if customer.opted_out_at or customer.erased_at:
        return changes
    changes.change(replace(customer, opted_out_at=now))
    if customer.email and not facts.suppressed:
        changes.add(Suppression(address_key(customer.email, policy.ids), "opt_out", now, how))
    let_go(facts, Reason.OPTED_OUT, policy, now, changes)
    return changes


def let_go(facts: Facts, reason: Reason, policy: Policy, now: datetime, changes: Changes) -> None:
    """Cancel what is planned for a customer: touchpoints, actions, survey and promotion mails that have not left."""
    known = facts.copy()
    known.absorb(changes)
    changes.merge(reassess(known, policy, now))
    for action in facts.all(Action):
        if action.state in (ActionState.PLANNED, ActionState.HELD):
            changes.change(replace(action, state=ActionState.CANCELLED, reason=reason, changed_at=now))
    classes = list(MailClass) if reason == Reason.ERASED else [MailClass.SURVEY, MailClass.PROMOTION]
    for mail_class in classes:
        changes.cancel("customer", facts.customer.id, reason, mail_class)
