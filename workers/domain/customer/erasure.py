"""Erasure: what becomes of the rows of a person who must be forgotten.

Personal data goes, also from what decisions were told; score, date, segment and the attributes declared as not personal
stay, linked to nobody. The CRM's id becomes a keyed hash: the guard that keeps a replay of the topic from bringing the
person back. What no decision reads is scrubbed by `store/customer/erasure.py`.
"""

from workers.domain.attributes import account_of, impersonal
from workers.domain.customer.profile import cancel_pending
from workers.domain.customer_case import CustomerCase
from workers.domain.customer_inputs import without_personal
from workers.domain.mailbox_keys import address_key
from workers.domain.outbound_messages import publish_testimonial
from workers.domain.records import Consent, Customer, Decision, Response, Suppression, Testimonial, Ticket
from workers.domain.ticket import Turn, ended_at_once, turn
from workers.domain.types import Reason, TestimonialState, TicketState
from workers.structs import replace

OUTCOME = "erased"
"""How a ticket ends whose customer nobody may call any more; no agent chooses it."""
WITHDRAWN_BY_ERASURE = "erased"
"""Stands for the version of the consent text where consent ends without one."""


def erase(case: CustomerCase, *, by: str = "crm") -> None:
    """Take the customer's personal data away, and let nothing be planned or open any more. Idempotent.

    `by` is who asked for it, for the audit log. What is told of tickets and testimonials still needs the CRM's id, so
    the profile goes after them.
    """
    customer = case.customer
    if customer.erased_at:
        return
    case.forget(by)
    for ticket in case.all(Ticket):
        silence(case, ticket)
    for testimonial in case.all(Testimonial):
        take_down(case, testimonial)
    for decision in case.all(Decision):
        kept = without_personal(decision.inputs, case.policy.attributes)
        if kept != decision.inputs:
            case.change(replace(decision, inputs=kept))
    for response in case.all(Response):
        case.change(replace(response, comment="", phone="", label="", details={}, improvement="", competitor=None))
    if customer.email:
        case.add(Suppression(address_key(customer.email, case.ids), "erased", case.now, ""))
    kept_attributes = impersonal(customer.attributes, case.policy.attributes) or None
    case.change(
        Customer(
            id=customer.id,
            crm_id=None,
            created_at=customer.created_at,
            segment=customer.segment,
            attributes=kept_attributes,
            account=account_of(kept_attributes),
            erased_at=case.now,
            opted_out_at=customer.opted_out_at or case.now,
            firsts=customer.firsts,
            merged_into=customer.merged_into,
        )
    )
    cancel_pending(case, Reason.ERASED)


def silence(case: CustomerCase, ticket: Ticket) -> None:
    """Take what was said out of a ticket; an open one is done, because nobody may call."""
    silent = replace(ticket, reference="", comment="", phone="", half_day="", label="", root_cause_text="", sentence="")
    if ticket.state == TicketState.DONE:
        case.change(silent)
    else:
        turn(case, ended_at_once(silent, OUTCOME, case.now), Turn("done", "boucle"))


def take_down(case: CustomerCase, testimonial: Testimonial) -> None:
    """Take the words out of a testimonial; a consented one is withdrawn, and web sites are told."""
    silent = replace(testimonial, wording="", shown_name="", place="")
    if testimonial.state != TestimonialState.CONSENTED:
        case.change(silent)
        return
    withdrawn = replace(silent, state=TestimonialState.WITHDRAWN, scope="", changed_at=case.now)
    case.change(withdrawn)
    key = case.ids.derive(case.now, "consent", testimonial.id, OUTCOME)
    case.add(Consent(key, testimonial.id, testimonial.customer, False, "", WITHDRAWN_BY_ERASURE, case.now))
    publish_testimonial(case, withdrawn, OUTCOME)
