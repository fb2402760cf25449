"""Moves the rows of a customer who turned out to be another one: from then on they are found under one key.

A journey that both have stays where it is, with its touchpoints; the domain has settled which of them count. A test
holds every table with a `customer` against MOVED, RELABELLED, SETTLED and STAYS, so that a new one cannot be
overlooked.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.changeset import Moving
from workers.store import tables as t

MOVED: tuple[sa.Table, ...] = (
    t.stop,
    t.survey_request,
    t.click,
    t.response,
    t.response_revision,
    t.decision,
    t.action,
    t.dispatch,
    t.dispatch_body,
    t.ticket,
    t.ticket_entry,
    t.testimonial,
    t.consent,
    t.history,
    t.shadow,
    t.sms_dialogue,
    t.sms_message,
    t.sms_reply,
    t.place_answer,
)
"""Every row goes to the other customer."""
RELABELLED: tuple[sa.Table, ...] = (t.inbox, t.asked_mailbox)
"""The same; but these rows lie by what they are looked up by, so that they stay in their place."""
SETTLED: tuple[sa.Table, ...] = (t.journey, t.touchpoint, t.told, t.former_address)
"""What both customers may have under one key: only what the other one lacks goes there."""
STAYS: tuple[sa.Table, ...] = (t.former_address,)
"""What is looked up over the whole person anyway, by every key that was merged."""
OTHERS = t.journey.alias("others")
TOLD_BEFORE, HAD_BEFORE = t.told.alias("told_before"), t.former_address.alias("had_before")


def move_rows(connection: Connection, moving: Moving) -> None:
    """Give the rows of one customer to another. Idempotent; runs in the caller's transaction, under both locks."""
    old, new = moving.customer, moving.into
    same = sa.exists().where(
        OTHERS.c.customer == new,
        OTHERS.c.trigger == t.journey.c.trigger,
        OTHERS.c.reference == t.journey.c.reference,
    )
    move(connection, t.journey, moving, sa.not_(same))
    there = sa.select(t.journey.c.id).where(t.journey.c.customer == new)
    move(connection, t.touchpoint, moving, t.touchpoint.c.journey.in_(there))
    told_both = sa.exists().where(TOLD_BEFORE.c.customer == new, TOLD_BEFORE.c.initiative == t.told.c.initiative)
    move(connection, t.told, moving, sa.not_(told_both))
    had_both = sa.exists().where(HAD_BEFORE.c.customer == new, HAD_BEFORE.c.address == t.former_address.c.address)
    move(connection, t.former_address, moving, sa.not_(had_both))
    for table in MOVED:
        move(connection, table, moving)
    for table in RELABELLED:
        connection.execute(sa.update(table).where(table.c.customer == old).values(customer=new))


def move(connection: Connection, table: sa.Table, moving: Moving, *conditions: sa.ColumnElement[bool]) -> None:
    """Take rows out under one customer and put them in under the other, as they are at that moment.

    Where rows lie by customer, they change place: not every database lets an UPDATE do that.
    """
    theirs = sa.delete(table).where(table.c.customer == moving.customer, *conditions).returning(*table.c)
    rows = [{**row, "customer": moving.into} for row in connection.execute(theirs).mappings()]
    if rows:
        connection.execute(sa.insert(table), rows)


def left_behind(connection: Connection, limit: int) -> list[str]:
    """Return customers that were merged into another and still have rows of their own: a release before left them."""
    c = t.customer.c
    rows = sa.or_(
        *(
            sa.exists().where(table.c.customer == c.id)
            for table in (t.survey_request, t.response, t.ticket, t.action, t.testimonial, t.dispatch)
        )
    )
    query = sa.select(c.id).where(c.merged_into.is_not(None), c.erased_at.is_(None), rows).order_by(c.id).limit(limit)
    return [str(key) for key in connection.execute(query).scalars()]
