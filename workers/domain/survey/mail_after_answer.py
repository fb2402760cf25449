"""Mails that follow an answer: why one must not be written to a customer now."""

from workers.domain.customer_case import CustomerCase
from workers.domain.history import NOTHING, Why
from workers.domain.records import Response
from workers.domain.types import MailClass, Reason


def mail_refused(case: CustomerCase, template: str, response: Response) -> Why:
    """Return why the customer must not get this mail now; of a suppression its kind as well."""
    customer = case.customer
    if customer.erased_at:
        return Why(Reason.ERASED)
    if not customer.email:
        return Why(Reason.NAMELESS if customer.anonymous else Reason.NO_ADDRESS)
    service = case.policy.mail_classes.get(template) == MailClass.SERVICE
    if case.suppressed and not (service and case.suppressed == "opt_out"):
        return Why(Reason.SUPPRESSED, case.suppressed)
    if customer.opted_out_at and not service:
        return Why(Reason.OPTED_OUT)
    if response.late:
        return Why(Reason.TOO_LATE)
    return NOTHING
