"""Mails that a server took: their dispatches accepted, their requests sent or reminded, and counted, in one round trip.

On PostgreSQL one statement, whose counters are raised last of what it does; on SQLite, where a statement costs no round
trip, one after the other. The customers are locked by the caller.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Dispatch
from workers.domain.survey.reminders import REMINDER
from workers.store import tables
from workers.store.delivery import departures, sent_mails
from workers.store.delivery.claim import CAPPED, TABLE, accept
from workers.store.delivery.departures import REQUEST, TO_BE_SENT
from workers.store.engine import in_array

AT = sa.bindparam("at", type_=tables.Instant())


def record_statement() -> sa.CompoundSelect[str, str]:
    """Return PostgreSQL's statement: it gives the ids that were accepted, those of the requests, and the counters."""
    update = departures.accept_statement(departures.rows_on_postgresql())
    told_of = (TABLE.c.id, TABLE.c.request, TABLE.c.customer, TABLE.c.mail_class, TABLE.c.template, TABLE.c.action)
    accepted = update.returning(*told_of).cte("accepted")
    theirs = (
        REQUEST.c.id == accepted.c.request,
        REQUEST.c.customer == accepted.c.customer,
        accepted.c.action.is_(None),
    )
    is_reminder = accepted.c.template == sa.literal_column(f"'{REMINDER}'", sa.Text())
    asked = (
        sa.update(REQUEST)
        .where(*theirs, sa.not_(is_reminder), *TO_BE_SENT)
        .values(sent_at=AT)
        .returning(REQUEST.c.id)
        .cte("asked")
    )
    reminded = (
        sa.update(REQUEST)
        .where(*theirs, is_reminder, in_array(REQUEST.c.customer, "owners"))
        .values(reminded_at=AT)
        .returning(REQUEST.c.id)
        .cte("reminded")
    )
    mails = sa.select(sa.func.count()).select_from(accepted)
    capped = mails.where(tables.one_of(accepted.c.mail_class, CAPPED))
    counted = sent_mails.raised_by(mails.scalar_subquery(), capped.scalar_subquery()).cte("counted")

    def told(kind: str, key: sa.ColumnElement[Any]) -> sa.Select[str, str]:
        return sa.select(sa.literal_column(f"'{kind}'", sa.Text()), sa.cast(key, sa.Text()))

    changed = {"accepted": accepted.c.id, "asked": asked.c.id, "reminded": reminded.c.id, "counted": counted.c.name}
    return sa.union_all(*(told(kind, key) for kind, key in changed.items()))


RECORD = record_statement()
REQUESTS_REMINDED = (
    sa.update(REQUEST)
    .where(in_array(REQUEST.c.id, "keys"), in_array(REQUEST.c.customer, "owners"))
    .values(reminded_at=AT)
    .returning(REQUEST.c.id)
)


def record_questions(
    connection: Connection, taken: Sequence[tuple[Dispatch, str]], now: datetime, late: timedelta, midnight: datetime
) -> tuple[set[str], set[str]]:
    """Record questions that were taken, each with the server's words, and count them.

    Returns the ids of the dispatches that were recorded, and those of the requests that needed no more; a request that
    is not open any more, or left later than `late` after it was asked, is the caller's affair.
    """
    if connection.dialect.name != "postgresql":
        accepted = departures.accept_many(connection, taken, now)
        mails = [dispatch for dispatch, _ in taken if dispatch.id in accepted]
        owners = {mail.request: mail.customer for mail in mails if mail.request and mail.customer}
        asked = departures.mark_requests_sent(connection, owners, now, late)
        sent_mails.add_sent(connection, len(mails), capped_of(mails), midnight)
        return accepted, asked
    counters = sent_mails.counters_of(connection, midnight)._asdict()
    values = {**departures.named_rows(departures.details_of(taken)), **counters}
    ids: dict[str, set[str]] = {"accepted": set(), "asked": set(), "reminded": set(), "counted": set()}
    for kind, key in connection.execute(RECORD, {**values, "at": now, "since": now - late}):
        ids[kind].add(key)
    accepted, counted = ids["accepted"], ids["counted"]
    mails = [dispatch for dispatch, _ in taken if dispatch.id in accepted]
    sent_mails.begin_counting(connection, len(mails), capped_of(mails), midnight, counted)
    moved = [mail for mail, text in taken if mail.id not in accepted and accept(connection, mail, now, text)]
    sent_mails.add_sent(connection, len(moved), capped_of(moved), midnight)  # another customer's since a merge
    return accepted | {mail.id for mail in moved}, ids["asked"]


def capped_of(mails: Sequence[Dispatch]) -> int:
    """Return how many of some mails count for the day's bound."""
    return sum(mail.mail_class in CAPPED for mail in mails)
