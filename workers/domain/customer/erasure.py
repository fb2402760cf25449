"""Erasure: what becomes of the rows of a person who must be forgotten.

Personal data goes; score, date and segment stay, linked to nobody. The CRM's id becomes a keyed hash: the guard that
keeps a replay of the topic from bringing the person back. What no decision reads is scrubbed by `store/forgetting.py`.
"""

from dataclasses import replace
from datetime import datetime

from workers.domain.changeset import ChangeSet, Forgetting
from workers.domain.customer.profile import cancel_pending
from workers.domain.customer_state import CustomerState
from workers.domain.mailbox_keys import address_key
from workers.domain.outbound_messages import tell_testimonial
from workers.domain.policy import Policy
from workers.domain.records import Consent, Customer, Response, Suppression, Testimonial, Ticket
from workers.domain.ticket import ended_at_once, turn
from workers.domain.types import Reason, TestimonialState, TicketState

OUTCOME = "erased"
"""How a ticket ends whose customer nobody may call any more; no agent chooses it."""
WITHDRAWN_BY_ERASURE = "erased"
"""Stands for the version of the consent text where consent ends without one."""


def erase(facts: CustomerState, policy: Policy, now: datetime, *, by: str = "crm") -> ChangeSet:
    """Return the customer without personal data, and nothing planned or open any more. Idempotent.

    `by` is who asked for it, for the audit log.
    """
    changes = ChangeSet()
    customer = facts.customer
    if customer.erased_at:
        return changes
    changes.change(
        Customer(
            id=customer.id,
            crm_id=None,
            created_at=customer.created_at,
            segment=customer.segment,
            erased_at=now,
            opted_out_at=customer.opted_out_at or now,
            firsts=customer.firsts,
            merged_into=customer.merged_into,
        )
    )
    if customer.email:
        changes.add(Suppression(address_key(customer.email, policy.ids), "erased", now, ""))
    changes.forget(Forgetting(customer.id, customer.crm_id or "", customer.email or "", by, policy.ids))
    cancel_pending(facts, Reason.ERASED, policy, now, changes)
    for response in facts.all(Response):
        changes.change(replace(response, comment="", phone="", label="", details={}, improvement=""))
    for ticket in facts.all(Ticket):
        changes.merge(without_words(ticket, facts, policy, now))
    for testimonial in facts.all(Testimonial):
        changes.merge(taken_down(testimonial, facts, policy, now))
    return changes


def without_words(ticket: Ticket, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return a ticket without what was said; an open one is done, because nobody may call."""
    silent = replace(ticket, reference="", comment="", phone="", half_day="", label="", root_cause_text="", sentence="")
    if ticket.state == TicketState.DONE:
        changes = ChangeSet()
        changes.change(silent)
        return changes
    return turn(ended_at_once(silent, OUTCOME, now), "done", "boucle", "", facts, policy, now)


def taken_down(testimonial: Testimonial, facts: CustomerState, policy: Policy, now: datetime) -> ChangeSet:
    """Return a testimonial without its words; a consented one is withdrawn, and web sites are told."""
    changes = ChangeSet()
    silent = replace(testimonial, wording="", shown_name="", place="")
    if testimonial.state != TestimonialState.CONSENTED:
        changes.change(silent)
        return changes
    withdrawn = replace(silent, state=TestimonialState.WITHDRAWN, scope="", changed_at=now)
    changes.change(withdrawn)
    key = policy.ids.derive(now, "consent", testimonial.id, OUTCOME)
    changes.add(Consent(key, testimonial.id, testimonial.customer, False, "", WITHDRAWN_BY_ERASURE, now))
    tell_testimonial(withdrawn, OUTCOME, facts, policy, changes)
    return changes
