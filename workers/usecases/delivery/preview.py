"""Preview: the next mails, each with the reason it would be sent, before anything leaves. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from workers.store.connection import Connection
from workers.store.delivery.next_mails import planned_mails, ready_mails

NEXT = 50


@dataclass(frozen=True, slots=True)
class NextMail:
    """One mail that would leave: when, to whom (the CRM's id), in which template, and because of what."""

    at: datetime
    customer: str
    template: str
    language: str
    reason: str

    def as_dict(self) -> dict[str, object]:
        """Return the mail as one JSON value."""
        return {
            "at": self.at.isoformat(),
            "customer": self.customer,
            "template": self.template,
            "language": self.language,
            "reason": self.reason,
        }


def next_mails(connection: Connection, limit: int = NEXT) -> list[NextMail]:
    """Return the next mails: those that are ready, then the touchpoints that come due, earliest first."""
    mails = [
        NextMail(mail.at, mail.crm_id, mail.template, mail.language, f"ready to leave ({mail.mail_class})")
        for mail in ready_mails(connection, limit)
    ]
    for mail in planned_mails(connection, limit):
        reason = f"row {mail.rule} of the journey plan: {mail.trigger} {mail.reference}".strip()
        mails.append(NextMail(mail.at, mail.crm_id, mail.template, mail.language, reason))
    return sorted(mails, key=lambda mail: (mail.at, mail.customer))[:limit]
