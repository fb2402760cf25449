"""Suppressed mailboxes, and the customers whose address may be one; only hashes of addresses are stored."""

from collections.abc import Collection, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Suppression
from workers.store import tables as t

ROWS_AT_ONCE = 1_000
STREAMED = {"yield_per": ROWS_AT_ONCE}


def list_suppressions(connection: Connection, kind: str = "") -> list[Suppression]:
    """Return every suppressed mailbox, of one kind where given, the newest first."""
    s = t.suppression.c
    query = sa.select(t.suppression).order_by(s.at.desc(), s.address, s.kind)
    return [Suppression(*row) for row in connection.execute(query.where(s.kind == kind) if kind else query)]


def kinds_of(connection: Connection, addresses: Collection[str]) -> list[str]:
    """Return the kinds by which any of some address hashes is suppressed."""
    s = t.suppression.c
    return [str(kind) for kind in connection.execute(sa.select(s.kind).where(s.address.in_(addresses))).scalars()]


def delete_suppressions(connection: Connection, addresses: Collection[str]) -> None:
    """Give mailboxes back, named by their hashes."""
    connection.execute(sa.delete(t.suppression).where(t.suppression.c.address.in_(addresses)))


def crm_ids_with_addresses(connection: Connection) -> Iterator[tuple[str, str]]:
    """Give every customer that the CRM names and that has an address, as (CRM id, address)."""
    c = t.customer.c
    query = sa.select(c.crm_id, c.email).where(c.email.is_not(None), c.crm_id.is_not(None))
    yield from map(pair, connection.execute(query, execution_options=STREAMED))


def keys_with_addresses(connection: Connection) -> Iterator[tuple[str, str]]:
    """Give every customer with an address who is merged into nobody, as (our key, address)."""
    c = t.customer.c
    query = sa.select(c.id, c.email).where(c.email.is_not(None), c.merged_into.is_(None))
    yield from map(pair, connection.execute(query, execution_options=STREAMED))


def opted_out_with_addresses(connection: Connection) -> Iterator[tuple[str, str]]:
    """Give everybody who opted out and has an address, as (CRM id, empty where there is none; address)."""
    c = t.customer.c
    query = sa.select(c.crm_id, c.email).where(c.opted_out_at.is_not(None), c.email.is_not(None))
    yield from map(pair, connection.execute(query))


def pair(row: sa.Row[str | None, str | None]) -> tuple[str, str]:
    return row[0] or "", row[1] or ""
