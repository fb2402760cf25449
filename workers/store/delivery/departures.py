"""Many claimed dispatches by one statement: marked as leaving, accepted, their leases prolonged, their bytes kept.

The rows travel as one JSON text, so that the statement stays the same however many there are. Each is known by its
claim, as in claim.py: what another sender has taken since changes nothing. Rows come back as ids.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import ReturningUpdate

from workers.domain.records import Dispatch
from workers.domain.types import CustomerId, DispatchState, RequestState
from workers.store import bulk, read, tables
from workers.store.delivery import claim
from workers.store.delivery.claim import (
    ANSWERED,
    CLAIMS_SO_FAR,
    HELD_BY_US,
    STOPPED,
    TABLE,
    UNBEGUN,
    UNTIL,
    accept,
    accepted_values,
    change_claimed,
)
from workers.store.engine import database_now, in_array
from workers.store.round_trips import fetch
from workers.store.tables.columns import Key

BODY = tables.dispatch_body
FIELDS = ("id", "customer", "attempt", "claims", "recipient", "message_id", "detail")
REQUEST = tables.survey_request


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What may have changed for all mails since they were composed."""

    controls: Mapping[str, str]
    suppressed: Collection[str]
    failing: Collection[str]
    """Mail servers that take none at the moment, by name."""
    database_now: datetime
    """When this was read, by the database's clock."""


def rows_on_postgresql() -> sa.FromClause:
    """Return the rows as a table of PostgreSQL."""
    kinds: dict[str, sa.types.TypeEngine[Any]] = {
        "id": Key,
        "customer": Key,
        "attempt": sa.BigInteger(),
        "claims": sa.BigInteger(),
    }
    columns: list[sa.ColumnClause[Any]] = [sa.column(name, kinds.get(name, sa.Text())) for name in FIELDS]
    rows = sa.cast(sa.bindparam("rows", type_=sa.Text()), JSONB)
    return sa.func.jsonb_to_recordset(rows).table_valued(*columns, name="told").render_derived(with_types=True)


def rows_on_sqlite() -> sa.FromClause:
    """Return the rows as a table of SQLite."""
    each = sa.func.json_each(sa.bindparam("rows", type_=sa.Text())).table_valued("value")
    columns = (sa.func.json_extract(each.c.value, f"$.{name}").label(name) for name in FIELDS)
    return sa.select(*columns).subquery("told")


def in_both(statement: Callable[[sa.FromClause], sa.Update]) -> dict[str, ReturningUpdate[tuple[str]]]:
    """Return a statement over rows for each engine; it gives the ids that it changed."""
    claimed_rows = {"postgresql": rows_on_postgresql(), "sqlite": rows_on_sqlite()}
    return {engine: statement(rows).returning(TABLE.c.id) for engine, rows in claimed_rows.items()}


def is_named(claimed: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that a row is the one that is told of, under the customer of when it was claimed.

    The customers are named once more as a list: of them alone it is known beforehand in which partitions they are.
    """
    of_these = in_array(TABLE.c.customer, "owners")
    return sa.and_(TABLE.c.id == claimed.c.id, TABLE.c.customer == claimed.c.customer, of_these)


def is_ours(claimed: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that a claim is the newest."""
    return sa.and_(TABLE.c.attempt == claimed.c.attempt, claimed.c.claims == CLAIMS_SO_FAR)


def mark_statement(claimed: sa.FromClause, until: sa.ColumnElement[Any] = UNTIL) -> sa.Update:
    """Return what marks dispatches as leaving, if they are still ours and nothing that forbids it has happened."""
    return (
        sa.update(TABLE)
        .where(is_named(claimed), is_ours(claimed), TABLE.c.state == DispatchState.LEASED)
        .where(sa.not_(STOPPED), sa.not_(ANSWERED))
        .values(
            state=DispatchState.SENDING,
            recipient=claimed.c.recipient,
            message_id=claimed.c.message_id,
            lease_until=until,
        )
    )


def accept_statement(claimed: sa.FromClause) -> sa.Update:
    """Return what records that the other side has them; known late, also where another has claimed and not begun."""
    held = sa.and_(is_ours(claimed), tables.one_of(TABLE.c.state, HELD_BY_US))
    return (
        sa.update(TABLE)
        .where(is_named(claimed), sa.or_(held, tables.one_of(TABLE.c.state, UNBEGUN)))
        .values(accepted_values(claimed.c.detail))
    )


def renew_statement(claimed: sa.FromClause) -> sa.Update:
    """Return what prolongs the leases that are still ours."""
    still = (is_named(claimed), is_ours(claimed), tables.one_of(TABLE.c.state, HELD_BY_US))
    return sa.update(TABLE).where(*still).values(lease_until=UNTIL)


MARK, ACCEPT, RENEW = map(in_both, (mark_statement, accept_statement, renew_statement))
TO_BE_SENT = (
    in_array(REQUEST.c.customer, "owners"),
    REQUEST.c.state == RequestState.OPEN,
    REQUEST.c.sent_at.is_(None),
    REQUEST.c.asked_at >= sa.bindparam("since", type_=tables.Instant()),
)
"""Questions of some customers that are open, and not late: what else there is needs the whole row."""
REQUESTS_SENT = (
    sa.update(REQUEST)
    .where(in_array(REQUEST.c.id, "keys"), *TO_BE_SENT)
    .values(sent_at=sa.bindparam("at", type_=tables.Instant()))
    .returning(REQUEST.c.id)
)


def surroundings_query(clock: str) -> sa.CompoundSelect[Any]:
    """Return one query for what may have changed for all mails; `clock` is how an engine tells its time as text."""
    control, suppression, server = tables.control.c, tables.suppression.c, tables.mail_server.c

    def kind(word: str) -> sa.ColumnElement[str]:
        return sa.literal_column(f"'{word}'", sa.Text()).label("kind")

    return sa.union_all(
        sa.select(kind("control"), control.name, control.value),
        sa.select(kind("suppressed"), suppression.address, suppression.kind).where(
            in_array(suppression.address, "keys")
        ),
        sa.select(kind("failing"), server.server, server.reason).where(server.failures > 0),
        sa.select(kind("clock"), kind("now"), sa.literal_column(clock, sa.Text())),
    )


SURROUNDINGS = {
    "postgresql": surroundings_query("CAST(clock_timestamp() AS TEXT)"),
    "sqlite": surroundings_query("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"),
}


def surroundings(connection: Connection, address_keys: Collection[str]) -> Surroundings:
    """Return what may have changed, with those of some keyed addresses that are suppressed by now."""
    return surroundings_of(connection.execute(SURROUNDINGS[connection.dialect.name], {"keys": list(address_keys)}))


def surroundings_of(rows: Iterable[Sequence[Any]]) -> Surroundings:
    """Return what the rows of that query say."""
    values: dict[str, dict[str, str]] = {"control": {}, "suppressed": {}, "failing": {}, "clock": {}}
    for kind, name, value in rows:
        values[kind][name] = value
    now = datetime.fromisoformat(values["clock"]["now"]).astimezone(UTC)
    return Surroundings(values["control"], values["suppressed"].keys(), values["failing"].keys(), now)


def versions_query(version: sa.ColumnElement[str]) -> sa.Select[Any]:
    """Return what reads customers' versions, in the order in which they are locked."""
    customer = tables.customer.c
    return sa.select(customer.id, version).where(in_array(customer.id, "keys")).order_by(customer.id)


VERSIONS = {
    "postgresql": versions_query(sa.cast(sa.literal_column(tables.customer.name), sa.Text())),
    "sqlite": versions_query(sa.func.json_array(*tables.customer.c)),
}
LOCKED_VERSIONS = {engine: query.with_for_update() for engine, query in VERSIONS.items()}


def customer_versions(connection: Connection, ids: Collection[str], *, locking: bool = False) -> dict[str, str]:
    """Return customers as one text each, the same as long as nothing of them has changed; `locking` them, in order.

    Comparing it costs a fraction of reading the row.
    """
    query = (LOCKED_VERSIONS if locking else VERSIONS)[connection.dialect.name]
    versions: dict[str, str] = {}
    for chunk in read.chunks(ids):
        versions.update((str(key), version) for key, version in fetch(connection, query, {"keys": chunk}))
    return versions


def named_rows(claimed: Sequence[tuple[Dispatch, Mapping[str, str]]]) -> dict[str, object]:
    """Return claimed dispatches, with some texts each, as the parameters of a statement over them."""
    rows = [
        {
            "id": dispatch.id,
            "customer": dispatch.customer,
            "attempt": dispatch.attempt,
            "claims": dispatch.claims or 0,
            **texts,
        }
        for dispatch, texts in sorted(claimed, key=lambda pair: pair[0].id)
    ]
    owners = sorted({dispatch.customer for dispatch, _ in claimed if dispatch.customer})
    return {"rows": orjson.dumps(rows).decode(), "owners": owners}


def details_of(taken: Sequence[tuple[Dispatch, str]]) -> list[tuple[Dispatch, Mapping[str, str]]]:
    """Return what is written of dispatches that were taken, each with the words of the other side."""
    return [(dispatch, {"detail": text}) for dispatch, text in taken]


def changed(
    connection: Connection,
    statement: Mapping[str, ReturningUpdate[tuple[str]]],
    claimed: Sequence[tuple[Dispatch, Mapping[str, str]]],
    **values: object,
) -> set[str]:
    """Run a statement over claimed dispatches, with some texts each, and return the ids that it changed."""
    if not claimed:
        return set()
    named = {**named_rows(claimed), **values}
    return {str(key) for key in connection.execute(statement[connection.dialect.name], named).scalars()}


def mark_leaving(
    connection: Connection, leaving: Sequence[tuple[Dispatch, Mapping[str, str]]], until: datetime
) -> set[str]:
    """Mark leased dispatches, each with `recipient` and `message_id`, as leaving; what must not leave stays leased."""
    return changed(connection, MARK, leaving, until=until)


def accept_many(connection: Connection, taken: Sequence[tuple[Dispatch, str]], now: datetime) -> set[str]:
    """Record that the other side has some dispatches, each with its words; an attempt that is over changes nothing."""
    accepted = changed(connection, ACCEPT, details_of(taken), at=now)
    for dispatch, text in taken:  # a merge may have given it to another customer since, or it has none
        if dispatch.id not in accepted and accept(connection, dispatch, now, text):
            accepted.add(dispatch.id)
    return accepted


def renew_many(connection: Connection, ours: Sequence[Dispatch], seconds: float) -> None:
    """Prolong the leases that are still ours, also of what is being handed over right now."""
    if not ours:
        return
    until = claim.lease_end(database_now(connection), seconds)
    renewed = changed(connection, RENEW, [(dispatch, {}) for dispatch in ours], until=until)
    for dispatch in sorted(ours, key=lambda row: row.id):
        if dispatch.id not in renewed:
            change_claimed(connection, claim.RENEW, dispatch, until=until)


def mark_requests_sent(connection: Connection, requests: Mapping[str, str], now: datetime, late: timedelta) -> set[str]:
    """Set when some questions left, where they are open and not late; return which. Their customers are locked.

    `requests` has the customer of each.
    """
    if not requests:
        return set()
    values = {"keys": sorted(requests), "owners": sorted({*requests.values()}), "at": now, "since": now - late}
    return {str(key) for key in connection.execute(REQUESTS_SENT, values).scalars()}


def keep_bodies(
    connection: Connection, bodies: Sequence[tuple[Dispatch, CustomerId, bytes, str]], *, again: bool = False
) -> None:
    """Fix bytes and return paths of dispatches before the first of them leaves, each under its customer.

    Bytes that were kept before, and never left, go: nobody has seen them. `again`: this claim may have kept some.
    """
    if not bodies:
        return
    before = [mail.id for mail, *_ in bodies if again or mail.attempt > 1 or (mail.claims or 0) > 1]
    if before:
        connection.execute(sa.delete(BODY).where(in_array(BODY.c.dispatch, "keys")), {"keys": before})
    bulk.copy_bodies(connection, [(dispatch.id, owner, body, path) for dispatch, owner, body, path in bodies])
