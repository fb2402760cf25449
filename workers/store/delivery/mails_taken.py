"""Mails that a server took: their dispatches accepted, their requests sent or reminded, and counted, by one statement.

That is PostgreSQL's, and raises the counters last of what it does; on SQLite, where a statement costs no round trip,
there is one for each. The customers are locked by the caller.
"""

from typing import Any

import sqlalchemy as sa

from workers.domain.survey.reminders import REMINDER
from workers.store import tables
from workers.store.delivery import departures, sent_mails
from workers.store.delivery.claim import CAPPED, TABLE
from workers.store.delivery.departures import REQUEST, TO_BE_SENT
from workers.store.engine import in_array

AT = sa.bindparam("at", type_=tables.Instant())


def record_statement() -> sa.CompoundSelect[str, str]:
    """Return PostgreSQL's statement: it gives the ids that were accepted, those of the requests, and the counters."""
    update = departures.accept_statement(departures.rows_on_postgresql())
    columns = (TABLE.c.id, TABLE.c.request, TABLE.c.customer, TABLE.c.mail_class, TABLE.c.template, TABLE.c.action)
    accepted = update.returning(*columns).cte("accepted")
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

    def named(kind: str, key: sa.ColumnElement[Any]) -> sa.Select[str, str]:
        return sa.select(sa.literal_column(f"'{kind}'", sa.Text()), sa.cast(key, sa.Text()))

    changed = {"accepted": accepted.c.id, "asked": asked.c.id, "reminded": reminded.c.id, "counted": counted.c.name}
    return sa.union_all(*(named(kind, key) for kind, key in changed.items()))


RECORD = record_statement()
REQUESTS_REMINDED = (
    sa.update(REQUEST)
    .where(in_array(REQUEST.c.id, "keys"), in_array(REQUEST.c.customer, "owners"))
    .values(reminded_at=AT)
    .returning(REQUEST.c.id)
)
