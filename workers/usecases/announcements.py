"""Announcements: the mails that tell those who asked that it is done, in one transaction for some of them at a time.

Nobody is told twice of one initiative, and whoever may not be written to is left out. Nothing here decides who asked.
"""

from collections.abc import Mapping
from datetime import datetime

from workers.calendar import in_zone, next_in_window
from workers.domain.changeset import ChangeSet
from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.policy import Policy
from workers.domain.records import Customer, Dispatch, Response
from workers.domain.survey.mail_after_answer import mail_refused
from workers.domain.survey.planning import zone_of
from workers.domain.survey.request import language_of
from workers.domain.types import DispatchState, MailClass, ResponseId
from workers.store import read
from workers.store.apply import apply
from workers.store.connection import Connection
from workers.store.report.themes import Initiative, add_told, told_customers
from workers.structs import replace

TEMPLATE = "you-asked"


def tell_some(
    connection: Connection, initiative: Initiative, latest: Mapping[str, str], policy: Policy, now: datetime
) -> int:
    """Write the mails for some of those who asked; who may not be written to is left out. Returns how many."""
    customers = read.lock_customers(connection, latest)
    told_before = told_customers(connection, initiative.id)
    changes, rows, work = ChangeSet(), list[dict[str, object]](), UnitOfWork(policy, now)
    for customer in customers:
        response = read.by_owner(connection, Response, customer.id, latest[customer.id])
        if response is None or customer.id in told_before:
            continue
        mail = announcement(initiative, customer, response, policy, now)
        if mail_refused(CustomerCase(customer, work), TEMPLATE, replace(response, late=False)).reason:
            continue
        changes.add(mail)
        rows.append(
            {
                "initiative": initiative.id,
                "customer": customer.id,
                "response": response.id,
                "dispatch": mail.id,
                "at": now,
            }
        )
    apply(connection, changes, now)
    add_told(connection, rows)
    return len(rows)


def announcement(
    initiative: Initiative, customer: Customer, response: Response, policy: Policy, now: datetime
) -> Dispatch:
    """Return the mail that tells a customer that what they asked for is done; keyed by initiative and answer.

    In a language without a text of its own the mail says only that it is done.
    """
    zone, language = zone_of(customer, policy), language_of(customer.language, policy)
    said_at = response.improvement_at if response.improvement else response.answered_at
    done_at = initiative.done_at or now
    facts: dict[str, object] = {
        **initiative.texts.get(language, {}),
        "quote": response.improvement or response.comment,
        "quote_date": in_zone(said_at or response.answered_at, zone).date().isoformat(),
        "change_date": in_zone(done_at, zone).date().isoformat(),
    }
    return Dispatch(
        id=policy.ids.derive(done_at, "mail", TEMPLATE, str(initiative.id), ResponseId(response.id)),
        customer=customer.id,
        kind="mail",
        mail_class=policy.mail_classes.get(TEMPLATE, MailClass.SURVEY),
        template=TEMPLATE,
        language=language,
        facts=facts,
        request=None,
        response=response.id,
        action=None,
        ticket=None,
        state=DispatchState.READY,
        not_before=next_in_window(now, policy.window, zone, policy.holidays),
        created_at=now,
    )
