"""Profile: what the CRM says of a customer, whatever the order in which it says it.

Each field keeps the event time of its last change; an older word never overwrites a newer one. Opt-out is for ever;
erasing is in `erasure`. Nothing here plans or asks.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from workers.domain.attributes import account_of, stamp_of
from workers.domain.customer.traces import held_address
from workers.domain.customer_case import CustomerCase
from workers.domain.mail.survey_duties import FACTS
from workers.domain.mailbox_keys import address_key
from workers.domain.policy import Policy
from workers.domain.records import Action, Customer, FormerAddress, Suppression, SurveyRequest
from workers.domain.survey.planning import call_back_unlawful, reassess, withdraw
from workers.domain.types import ActionState, CustomerId, Ids, MailClass, Reason
from workers.structs import replace

PROOFS = ("survey_notice_given", "survey_consent")
"""Fields of which it is kept who said so: the company must be able to show it."""
FIELDS = ("email", "name", "phone", "language", "time_zone", "segment", "owner", "may_promote", "country", *PROOFS)

REASSESSED_FOR = frozenset({"email", "phone", "time_zone", *FACTS})
"""Fields by which what waits may be asked at once, or never: each touchpoint is looked at again when one changes."""


def customer_id(crm_id: str, ids: Ids) -> CustomerId:
    """Return our key for the CRM's id; the same whatever is known of the customer, so two writers agree."""
    return CustomerId(ids.derive(None, "customer", crm_id))


def new_customer(crm_id: str, ids: Ids, now: datetime) -> Customer:
    """Return a customer of whom nothing but the id is known."""
    return Customer(id=customer_id(crm_id, ids), crm_id=crm_id, created_at=now)


def learn(case: CustomerCase, fields: Mapping[str, object], at: datetime, source: str = "") -> None:
    """Change the fields that are news at an instant, and what that changes for planned touchpoints.

    `source` says who told it, for what has to be proved.
    """
    customer = case.customer
    if customer.erased_at:
        return
    moment = at.isoformat()
    news = told_fields(customer, fields, moment)
    values: dict[str, Any] = {name: value for name, value in news.items() if getattr(customer, name) != value}
    for address in former_addresses(customer, fields, values):
        case.add(FormerAddress(customer.id, held_address(address, case.ids), case.now))
    told = told_attributes(customer, fields, moment)
    if told and (attributes := with_attributes(customer.attributes, told)) != customer.attributes:
        values |= {"attributes": attributes, "account": account_of(attributes)}
    stamps = {**customer.changed_at, **dict.fromkeys(news, moment), **dict.fromkeys(map(stamp_of, told), moment)}
    if source:
        stamps |= {proof_of(name): source for name in PROOFS if name in news}
    if not values and stamps == customer.changed_at:
        return
    zone_before = case.zone
    changed = customer.but(changed_at=stamps, **values)
    case.change(changed)
    if changed.account is not None:
        case.work.of_accounts[case.id] = case
    if "email" in values and changed.email and changed.opted_out_at:
        case.add(Suppression(address_key(changed.email, case.ids), "opt_out", case.now, "opted out before"))
    if "email" in values:
        take_up_held(case)
    if not values.keys().isdisjoint(REASSESSED_FOR):
        reassess(case, zone_changed=zone_before != case.zone)
    if not values.keys().isdisjoint(FACTS):
        call_back_unlawful(case)


def take_up_held(case: CustomerCase) -> None:
    """Let the mails that wait for an address be due at once, now that another is known or a suppression was lifted."""
    now = case.now
    for action in case.all(Action):
        if action.state == ActionState.HELD:
            case.change(replace(action, state=ActionState.PLANNED, reason="", detail="", due_at=now, changed_at=now))


def former_addresses(customer: Customer, fields: Mapping[str, object], news: Mapping[str, object]) -> list[str]:
    """Return the addresses that a customer no longer has: the one that gives way, or one that is told too late."""
    if "email" not in fields:
        return []
    past = customer.email if "email" in news else fields["email"]
    return [past] if isinstance(past, str) and past and past != news.get("email", customer.email) else []


def told_fields(customer: Customer, fields: Mapping[str, object], moment: str) -> dict[str, object]:
    """Return the fields of an event that are news, whether or not they change anything."""
    changed_at = customer.changed_at
    return {
        name: fields[name]
        for name in FIELDS
        if name in fields and is_later(fields[name], moment, getattr(customer, name), changed_at.get(name, ""))
    }


def is_news(name: str, value: object, customer: Customer, moment: str) -> bool:
    """Tell whether a field's value counts: told later, or at the same instant and the one that any order agrees on."""
    return is_later(value, moment, getattr(customer, name), customer.changed_at.get(name, ""))


def is_later(value: object, moment: str, present: object, changed_at: str) -> bool:
    """Tell whether a value told of a moment wins over the one that is kept, whichever came first."""
    return moment > changed_at or (moment == changed_at and weight(value) > weight(present))


def proof_of(name: str) -> str:
    """Return under which name it is kept, beside a field's event time, who told it."""
    return f"{name}.from"


def told_attributes(customer: Customer, fields: Mapping[str, object], moment: str) -> dict[str, Any]:
    """Return the attributes of an event that are news, each by the rule of the fields; None clears one."""
    given = cast("Mapping[str, Any]", fields.get("attributes") or {})
    present = customer.attributes or {}
    return {
        name: value
        for name, value in given.items()
        if is_later(value, moment, present.get(name), customer.changed_at.get(stamp_of(name), ""))
    }


def with_attributes(present: Mapping[str, Any] | None, news: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the attributes with what is news of them; what was cleared is gone, and none at all is None."""
    attributes = {name: value for name, value in {**(present or {}), **news}.items() if value is not None}
    return dict(sorted(attributes.items())) or None


def weight(value: object) -> str:
    """Return what decides between two values of one instant: no permission before permission, else the text."""
    if isinstance(value, bool):
        return "permitted" if value else "refused"
    return "" if value is None else str(value)


def opt_out(case: CustomerCase, *, how: str) -> None:
    """Opt the customer out at once and for ever; what is planned or has not left is cancelled. Idempotent."""
    customer = case.customer
    if customer.opted_out_at or customer.erased_at:
        return
    case.change(replace(customer, opted_out_at=case.now))
    if customer.email:
        case.add(Suppression(address_key(customer.email, case.ids), "opt_out", case.now, how))
    cancel_pending(case, Reason.OPTED_OUT)


def cancel_pending(case: CustomerCase, reason: Reason) -> None:
    """Cancel what is planned for a customer: touchpoints, actions, survey and promotion mails that have not left.

    A service is still owed to who has opted out: a call that is planned, and what is said about it.
    """
    reassess(case)
    for action in case.all(Action):
        owed = reason != Reason.ERASED and is_service(action, case.policy)
        if action.state in (ActionState.PLANNED, ActionState.HELD) and not owed:
            case.change(replace(action, state=ActionState.CANCELLED, reason=reason, changed_at=case.now))
    for request in case.all(SurveyRequest):
        withdraw(case, request, reason)
    classes = list(MailClass) if reason == Reason.ERASED else [MailClass.SURVEY, MailClass.PROMOTION]
    for mail_class in classes:
        case.cancel("customer", case.id, reason, mail_class)


def is_service(action: Action, policy: Policy) -> bool:
    """Tell whether an action is a service: without a mail of its own, or with a service mail."""
    return not action.template or policy.mail_classes.get(action.template) == MailClass.SERVICE
