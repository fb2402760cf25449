"""Every row about a person, by table: what they may ask to be given. Reads only."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Customer
from workers.store import read
from workers.store import tables as t
from workers.store.plan_numbers import in_full

Rows = list[dict[str, Any]]
"""Rows of one table by column, in the order of their key."""


def find_customer(connection: Connection, crm_id: str, key: str) -> Customer | None:
    """Return the customer whom the CRM calls so, or whose key it is; the one that it was merged into, where it was."""
    c = t.customer.c
    customers = read.rows(connection, Customer, sa.or_(c.crm_id == crm_id, c.id == key))
    person, seen = (customers[0] if customers else None), set[str]()
    while person is not None and person.merged_into and person.merged_into not in seen:
        seen.add(person.id)
        person = read.by_key(connection, Customer, person.merged_into) or person
    return person


def crm_ids_with_address(connection: Connection, address: str, most: int) -> list[str]:
    """Return whom the CRM knows by a mail address, in the order of their ids: nobody merged, erased or without a name.

    Reads every customer: it is asked for once by whoever confirms an address.
    """
    c = t.customer.c
    known = (c.merged_into.is_(None), c.erased_at.is_(None), c.anonymous.is_not(sa.true()), c.crm_id.is_not(None))
    query = sa.select(c.crm_id).where(sa.func.lower(c.email) == address.lower(), *known).order_by(c.crm_id).limit(most)
    return [str(crm_id) for crm_id in connection.execute(query).scalars()]


def rows_of_customers(connection: Connection, keys: Sequence[str]) -> dict[str, Rows]:
    """Return every row that names one of our keys by table: customers, what is theirs, and the texts of their mails."""
    rows_by_table = {"customers": rows_of(connection, t.customer, t.customer.c.id.in_(keys))}
    for table in t.metadata.sorted_tables:
        if "customer" in table.c:
            rows_by_table[table.name] = rows_of(connection, table, read.theirs(table, lambda owner: owner.in_(keys)))
    mails = sa.select(t.dispatch.c.id).where(t.dispatch.c.customer.in_(keys))
    rows_by_table["dispatch_body"] = rows_of(connection, t.dispatch_body, t.dispatch_body.c.dispatch.in_(mails))
    return rows_by_table


def outbox_rows(connection: Connection, crm_ids: Collection[str]) -> Rows:
    """Return the messages about some customers that wait to be published."""
    return rows_of(connection, t.outbox, t.outbox.c.key.in_(crm_ids))


def suppression_rows(connection: Connection, addresses: Collection[str]) -> Rows:
    """Return the suppressions of some address hashes."""
    return rows_of(connection, t.suppression, t.suppression.c.address.in_(addresses))


def rows_of(connection: Connection, table: sa.Table, condition: sa.ColumnElement[bool]) -> Rows:
    """Return the rows of a table that meet a condition, each by column, in the order of its key."""
    columns = [in_full(column).label(name) if name == "plan_version" else column for name, column in table.c.items()]
    query = sa.select(*columns).where(condition).order_by(*table.primary_key)
    return [dict(row._mapping) for row in connection.execute(query)]
