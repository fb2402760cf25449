"""Moves the rows of a customer who turned out to be another one: from then on they are found under one key.

A journey that both have stays where it is, with its touchpoints; the domain has settled which of them count. A test
holds every table with a `customer` against MOVED, SETTLED and STAYS, so that a new one cannot be overlooked.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.changeset import Moving
from workers.store import tables as t

MOVED: tuple[sa.Table, ...] = (
    t.inbox,
    t.stop,
    t.survey_request,
    t.asked_mailbox,
    t.click,
    t.response,
    t.response_revision,
    t.decision,
    t.action,
    t.dispatch,
    t.ticket,
    t.ticket_entry,
    t.testimonial,
    t.consent,
    t.history,
    t.shadow,
)
"""Every row goes to the other customer."""
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
    connection.execute(sa.update(t.journey).where(t.journey.c.customer == old, sa.not_(same)).values(customer=new))
    there = sa.select(t.journey.c.id).where(t.journey.c.customer == new)
    connection.execute(
        sa.update(t.touchpoint)
        .where(t.touchpoint.c.customer == old, t.touchpoint.c.journey.in_(there))
        .values(customer=new)
    )
    told_both = sa.exists().where(TOLD_BEFORE.c.customer == new, TOLD_BEFORE.c.initiative == t.told.c.initiative)
    connection.execute(sa.update(t.told).where(t.told.c.customer == old, sa.not_(told_both)).values(customer=new))
    had_both = sa.exists().where(HAD_BEFORE.c.customer == new, HAD_BEFORE.c.address == t.former_address.c.address)
    connection.execute(
        sa.update(t.former_address).where(t.former_address.c.customer == old, sa.not_(had_both)).values(customer=new)
    )
    for table in MOVED:
        connection.execute(sa.update(table).where(table.c.customer == old).values(customer=new))


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
