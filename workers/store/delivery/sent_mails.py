"""Mails that a server took: the bytes of each, how many there were, and how many of the day's bound.

The counters only grow, because a state may change afterwards. On PostgreSQL each process raises rows of its own: of one
row the second sender would wait for the first one's commit, turn by turn. Who reads adds them up.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import ReturningUpdate

from workers.domain.records import Dispatch
from workers.store import tables
from workers.store.delivery.claim import CAPPED
from workers.store.delivery.send_counts import DAY, count_accepted_since, day_of

SENT = "mails_sent"
SHARES = 64
SHARE = f"/{secrets.randbelow(SHARES):02}"
"""How the rows of this process end. Two processes that draw the same wait for each other, and count as well."""


class Counters(NamedTuple):
    """The rows that one process raises."""

    sent: str
    day: str


def counters_of(connection: Connection, midnight: datetime) -> Counters:
    """Return the rows that this process raises: on SQLite, with one writer at a time, those of all."""
    share = SHARE if connection.dialect.name == "postgresql" else ""
    return Counters(f"{SENT}{share}", f"{day_of(midnight)}{share}")


def raised_by(mails: sa.ColumnElement[int], capped: sa.ColumnElement[int]) -> ReturningUpdate[tuple[str]]:
    """Return what raises both counters that there are, named `sent` and `day`, and gives their names."""
    counter, sent = tables.counter.c, sa.bindparam("sent", type_=sa.Text())
    by = sa.case((counter.name == sent, mails), else_=capped)
    named = counter.name.in_((sent, sa.bindparam("day", type_=sa.Text())))
    return sa.update(tables.counter).where(named).values(value=counter.value + by).returning(counter.name)


RAISE = raised_by(sa.bindparam("mails", type_=sa.BigInteger()), sa.bindparam("capped", type_=sa.BigInteger()))


def capped_of(mails: Sequence[Dispatch]) -> int:
    """Return how many of some mails count for the day's bound."""
    return sum(mail.mail_class in CAPPED for mail in mails)


def add_sent(connection: Connection, number: int, capped: int, midnight: datetime) -> None:
    """Add to the counter, and what the day's bound is about to the day's, in one statement; begin what is not there.

    As the last thing of the transaction that records the mails: others may wait for these rows.
    """
    if not number:
        return
    ours = counters_of(connection, midnight)
    named = {**ours._asdict(), "mails": number, "capped": capped}
    raised = {str(name) for name in connection.execute(RAISE, named).scalars()}
    if ours.sent not in raised:
        add_row(connection, ours.sent, number)
    if ours.day not in raised and capped:
        begin_day(connection, midnight, capped)


def see_counters_begun(connection: Connection, midnight: datetime) -> None:
    """Begin this process's counters before mails are recorded; those that are there stay as they are.

    An ordinary turn only raises what is there: without this the first one of each day would be taken twice.
    """
    ours, counter = counters_of(connection, midnight), tables.counter.c
    there = set(connection.execute(sa.select(counter.name).where(counter.name.in_(ours))).scalars())
    if ours.sent not in there:
        add_row(connection, ours.sent, 0)
    if ours.day not in there:
        begin_day(connection, midnight, 0)
        if ours.day != day_of(midnight):
            add_row(connection, ours.day, 0)


def add_row(connection: Connection, name: str, value: int, more: int | None = None) -> None:
    """Begin a counter; one that somebody else began at the same time is added to, by `more` where that differs."""
    counter, dialect = tables.counter, postgresql if connection.dialect.name == "postgresql" else sqlite
    begun = dialect.insert(counter).values(name=name, value=value)
    raised = {"value": counter.c.value + (value if more is None else more)}
    connection.execute(begun.on_conflict_do_update(index_elements=["name"], set_=raised))


def begin_day(connection: Connection, midnight: datetime, capped: int) -> None:
    """Begin to keep a day's count with the mails that left by now; where it is kept already, this process's share."""
    counter, day, ours = tables.counter, day_of(midnight), counters_of(connection, midnight).day
    if ours != day and connection.execute(sa.select(counter.c.name).where(counter.c.name == day)).first():
        add_row(connection, ours, capped)
        return
    add_row(connection, day, count_accepted_since(connection, midnight), capped)
    older = (counter.c.name.startswith(DAY), counter.c.name < day)
    connection.execute(sa.delete(counter).where(*older))


def count_sent(connection: Connection) -> int:
    """Return how many mails were taken so far."""
    counter = tables.counter.c
    total = sa.select(sa.func.sum(counter.value)).where(counter.name.startswith(SENT, autoescape=True))
    return int(connection.execute(total).scalar() or 0)


def body_of(connection: Connection, dispatch: str) -> bytes | None:
    """Return a mail as it left; None where it never did, or its text is not kept any more."""
    body, mail = tables.dispatch_body.c, tables.dispatch.c
    left = sa.select(body.body).join(tables.dispatch, mail.id == body.dispatch).where(mail.message_id != "")
    raw = connection.execute(left.where(body.dispatch == dispatch)).scalar()
    return None if raw is None else bytes(raw)
