"""Forgets a person: scrubs texts, references and mails under our key, and deletes what names them elsewhere.

The rows of the core are emptied by the domain; this is the rest, and what the core does not hold. A test holds every
table with a `customer` against SCRUBBED and KEPT, so that a new one cannot be overlooked.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.changeset import Forgetting
from workers.domain.reporting.digest import TEMPLATE as DIGEST
from workers.store import read
from workers.store import tables as t
from workers.store.customer import dead_letters, letter_searches
from workers.store.sign_in.audit_log import record_act

SCRUBBED: dict[sa.Table, dict[str, object]] = {
    t.stop: {"reference": "", "event": ""},
    t.journey: {"label": "", "details": {}, "event": ""},  # and its reference, which must stay unique
    t.touchpoint: {"reference": "", "detail": "", "inputs": None},
    t.survey_request: {"reference": "", "label": "", "details": {}},
    t.response: {
        "reference": "",
        "label": "",
        "details": {},
        "comment": "",
        "phone": "",
        "half_day": "",
        "improvement": "",
        "competitor": None,
        "external_id": None,
    },
    t.response_revision: {"comment": ""},
    t.action: {"detail": ""},
    t.dispatch: {"facts": {}, "recipient": "", "detail": ""},
    t.ticket: {
        "reference": "",
        "label": "",
        "comment": "",
        "phone": "",
        "half_day": "",
        "root_cause_text": "",
        "sentence": "",
    },
    t.ticket_entry: {"text": "", "source": None, "event_id": None},
    t.testimonial: {"wording": "", "shown_name": "", "place": ""},
    t.history: {"detail": ""},
    t.shadow: {"subject": ""},
    t.sms_dialogue: {"number": "", "said": ""},
    t.sms_message: {"text": "", "detail": ""},
    t.sms_reply: {"text": ""},
    t.place_answer: {"network": "", "comment": "", "claim_key": None},
}
"""What each table loses."""
KEPT: dict[sa.Table, str] = {
    t.inbox: "ids and types of events only, for 30 days: what is a duplicate stays one",
    t.decision: "score, band of time, yes or no; the core takes personal attributes out of it",
    t.told: "that an announcement went out, once: ids only",
    t.consent: "that consent was given or withdrawn, and when: the proof we must be able to give",
}
"""What stays, and why."""
DELETED: tuple[sa.Table, ...] = (t.dispatch_body, t.click, t.former_address, t.asked_mailbox)
PERSONAL = (
    *("email", "name", "phone", "language", "time_zone", "owner", "may_promote", "rest_until", "country"),
    *("survey_notice_given", "survey_consent", "account"),
)
"""What a customer's own row loses; the segment stays, for the report."""
UNLINKED = "erased "
"""Begins the reference of a journey whose customer was erased."""


def forget(connection: Connection, people: Sequence[Forgetting], now: datetime) -> None:
    """Scrub people and everybody merged into them, and leave an audit row for each. Idempotent.

    Dead letters, which no key leads to, are looked through later; what finds the person in them is kept until then.
    """
    for forgetting in people:
        keys = [forgetting.customer, *merged_into(connection, forgetting.customer)]
        whom = dead_letters.sought(connection, forgetting, keys)
        letter_searches.ask(connection, whom, forgetting.customer, forgetting.by, now)
        blank_merged(connection, keys[1:], now)
        for key in keys:
            scrub(connection, key)
        connection.execute(sa.delete(t.outbox).where(t.outbox.c.key.in_(whom.person.crm_ids)))
        record_act(connection, now, forgetting.by, "privacy.erase", forgetting.customer, {"customers": len(keys)})


def merged_into(connection: Connection, customer: str) -> list[str]:
    """Return our keys of everybody who was merged into this customer, directly or by way of another."""
    members: list[str] = []
    waiting = [customer]
    while waiting:
        c = t.customer.c
        more = list(connection.execute(sa.select(c.id).where(c.merged_into.in_(waiting)).order_by(c.id)).scalars())
        waiting = [key for key in more if key not in members and key != customer]
        members += waiting
    return members


def blank_merged(connection: Connection, keys: list[str], now: datetime) -> None:
    """Take the personal data from customers that were merged into the erased one."""
    c = t.customer.c
    blank: dict[str, object] = dict.fromkeys(PERSONAL)
    connection.execute(
        sa.update(t.customer)
        .where(c.id.in_(keys), c.erased_at.is_(None))
        .values(**blank, crm_id=None, changed_at={}, attributes=sa.null(), erased_at=now)
    )


def scrub(connection: Connection, customer: str) -> None:
    """Delete or blank what names one customer in their own rows; what stays, and why, is in `KEPT`."""
    mails = sa.select(t.dispatch.c.id).where(t.dispatch.c.customer == customer)
    body = t.dispatch_body.c
    unowned = (body.customer == t.NOBODY, body.dispatch.in_(mails))
    connection.execute(sa.delete(t.dispatch_body).where(*unowned))
    digests = sa.select(t.dispatch.c.id).where(t.dispatch.c.customer == t.NOBODY, t.dispatch.c.template == DIGEST)
    connection.execute(sa.delete(t.dispatch_body).where(body.customer == t.NOBODY, body.dispatch.in_(digests)))
    for table in DELETED:
        connection.execute(sa.delete(table).where(table.c.customer == customer))
    for table, values in SCRUBBED.items():
        connection.execute(sa.update(table).where(read.theirs(table, lambda owner: owner == customer)).values(**values))
    unlink_journeys(connection, customer)


def unlink_journeys(connection: Connection, customer: str) -> None:
    """Replace the references of a customer's journeys by numbers: an order's number would lead back to the person."""
    j = t.journey.c
    query = sa.select(j.id, j.reference).where(j.customer == customer).order_by(j.trigger, j.anchor_at, j.reference)
    journeys = [(str(key), str(reference)) for key, reference in connection.execute(query)]
    named = [key for key, reference in journeys if not reference.startswith(UNLINKED)]
    for n, key in enumerate(named, 1 + len(journeys) - len(named)):
        connection.execute(
            sa.update(t.journey).where(j.id == key, j.customer == customer).values(reference=f"{UNLINKED}{n}")
        )
