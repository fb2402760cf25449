"""Purchases that were undone and what each customer's profile says of them. Reads only."""

from collections.abc import Iterator, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.types import CustomerId, Effect
from workers.store import tables

AT_ONCE = 1_000
CUSTOMER = "customer"
"""The scope of a stop that is about all of a customer."""


def undone_purchases(connection: Connection) -> Iterator[tuple[CustomerId, str, Mapping[str, str]]]:
    """Give (customer, what began it, the profile's `firsts`) of every purchase that was undone; nobody erased."""
    s, c = tables.stop.c, tables.customer.c
    query = (
        sa.select(s.customer, s.cause, c.firsts)
        .join(tables.customer, c.id == s.customer)
        .where(s.effect == Effect.CANCEL, s.scope != CUSTOMER, c.erased_at.is_(None))
        .execution_options(yield_per=AT_ONCE)
    )
    for customer, cause, firsts in connection.execute(query):
        yield CustomerId(customer), str(cause), firsts
