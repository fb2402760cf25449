"""What is handed over: mails and webhooks."""

from datetime import datetime
from typing import ClassVar

from workers.domain.records.row import Json, Row
from workers.domain.types import CustomerId, DispatchState, MailClass


class Dispatch(Row, frozen=True):
    """One mail or webhook to hand over; its id is the effect key, so that nothing is handed over twice by mistake."""

    TABLE: ClassVar[str] = "dispatch"
    id: str
    customer: CustomerId
    kind: str
    mail_class: MailClass
    template: str
    language: str
    facts: Json
    request: str | None
    response: str | None
    action: str | None
    ticket: str | None
    state: DispatchState
    not_before: datetime
    created_at: datetime
    reason: str = ""
    detail: str = ""
    recipient: str = ""
    message_id: str = ""
    attempt: int = 0
    copies: int = 0
    lease_until: datetime | None = None
    changed_at: datetime | None = None
    accepted_at: datetime | None = None
    claims: int | None = None
    """How often it was claimed, those that were given back too: says whose it is. None: never by this release."""
