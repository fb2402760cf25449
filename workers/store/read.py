"""Reads rows back as records, whole customers at a time. Writes nothing."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain import records
from workers.domain.mailbox_keys import address_keys
from workers.domain.records import Customer, Row
from workers.domain.types import ActionState, CustomerId, Ids
from workers.store import tables
from workers.store.engine import in_array
from workers.store.hints import on_sqlite
from workers.store.round_trips import ask_each, fetch
from workers.store.row_reading import as_records, read_records

if TYPE_CHECKING:
    from workers.domain.customer_case import CustomerCase, UnitOfWork

R = TypeVar("R", bound=Row)
CHUNK = 500
"""Values in one list: so many a statement, that the planner still goes by the index."""

LENIENT = "opt_out"
"""The kind of suppression that lets service mail through."""
LONGEST_NUMBER = 18
"""Digits of the largest number that the database can compare with."""
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

OF_A_CUSTOMER: tuple[type[Row], ...] = (
    records.Stop,
    records.Journey,
    records.Touchpoint,
    records.SurveyRequest,
    records.Response,
    records.Decision,
    records.Action,
    records.Ticket,
    records.Testimonial,
)
"""What the core may need to know of a customer."""

AFTER_A_RESPONSE = frozenset({records.Decision, records.Action, records.Ticket, records.Testimonial})
"""What only those have who answered: it is not looked for elsewhere, because each statement costs."""

FOR_PLANNING: tuple[type[Row], ...] = (records.Stop, records.Journey, records.Touchpoint)


def rows(connection: Connection, kind: type[R], *conditions: sa.ColumnElement[bool]) -> list[R]:
    """Return the records that meet all conditions, in no order."""
    result = connection.execute(sa.select(tables.of(kind)).where(*conditions))
    return [kind(*row) for row in result]


def by_key(connection: Connection, kind: type[R], *key: object) -> R | None:
    """Return the record with this primary key, given in the order of `kind.KEY`; None where there is none."""
    matching = rows_with(connection, kind, **dict(zip(kind.KEY, key, strict=True)))
    return matching[0] if matching else None


def rows_with(connection: Connection, kind: type[R], **values: object) -> list[R]:
    """Return the records whose fields have exactly these values; None is one of them."""
    given = {name: value for name, value in values.items() if value is not None}
    statement = with_values(kind.TABLE, frozenset(given), frozenset(values) - frozenset(given))
    return read_records(connection, kind, statement, given)


@lru_cache(128)
def with_values(table: str, given: frozenset[str], missing: frozenset[str]) -> sa.Select[Any]:
    """Return what finds rows of a table by the values of some columns, by their names, and by those that have none.

    Built once: building a statement costs more than running it.
    """
    columns = tables.metadata.tables[table].c
    conditions = [columns[name] == sa.bindparam(name, type_=columns[name].type) for name in sorted(given)]
    return sa.select(*columns).where(*conditions, *(columns[name].is_(None) for name in sorted(missing)))


OF_IDS: dict[type[Row], sa.Select[Any]] = {
    kind: sa.select(tables.of(kind)).where(in_array(tables.of(kind).c.id, "ids"))
    for kind in tables.WRITE_ORDER
    if "id" in tables.of(kind).c
}
"""Rows by their ids; the same text however many there are."""
OF_OWNERS = {
    kind: query.where(in_array(tables.of(kind).c.customer, "owners"))
    for kind, query in OF_IDS.items()
    if "customer" in tables.of(kind).c
}


OWNERS = {
    kind: sa.select(tables.of(kind).c.customer).where(tables.of(kind).c.id == sa.bindparam("id")) for kind in OF_OWNERS
}


def with_ids(connection: Connection, kind: type[R], ids: Iterable[str]) -> list[R]:
    """Return those records that there are of these ids, in no order."""
    return read_records(connection, kind, OF_IDS[kind], {"ids": list(ids)})


def by_owner(connection: Connection, kind: type[R], customer: str | None, *key: object) -> R | None:
    """Return the record with this identity, looked for under a customer first: where rows lie by customer, in one
    place. What is another's meanwhile, or stayed with a customer who was merged, is looked up by its identity alone."""
    identity = dict(zip(tables.identity(kind), key, strict=True))
    matching = rows_with(connection, kind, **identity, customer=customer) or rows_with(connection, kind, **identity)
    return matching[0] if matching else None


def with_owners(connection: Connection, kind: type[R], customers: Iterable[str], ids: Iterable[str]) -> list[R]:
    """Return those records with one of these ids that one of these customers has."""
    named = {"ids": sorted(set(ids)), "owners": sorted(set(customers))}
    return read_records(connection, kind, OF_OWNERS[kind], named)


def owner_of(connection: Connection, kind: type[Row], key: str) -> CustomerId | None:
    """Return whose a row is, by its id; None where there is none, or it is nobody's."""
    owners = fetch(connection, OWNERS[kind], {"id": key})
    return CustomerId(str(owners[0][0])) if owners and owners[0][0] else None


def chunks(values: Iterable[str], size: int = CHUNK) -> Iterator[Sequence[str]]:
    """Cut sorted values into IN lists."""
    ordered = sorted(values)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def theirs(table: sa.Table, whose: Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]) -> sa.ColumnElement[bool]:
    """Return what finds the rows of some customers, where `whose` tells of a column whether it names one of them.

    Of touchpoints SQLite has no index by customer, which would write one page more for each: a journey's are its
    customer's, so it finds them by the journeys.
    """
    condition = whose(table.c.customer)
    if table is not tables.touchpoint:
        return condition
    journeys = sa.select(tables.journey.c.id).where(whose(tables.journey.c.customer))
    return sa.and_(condition, on_sqlite(table.c.journey.in_(journeys)))


OF_WHOM: tuple[type[Row], ...] = (*OF_A_CUSTOMER, records.TicketEntry, records.Consent, records.PlaceAnswer)
OF_CUSTOMERS: dict[type[Row], sa.Select[Any]] = {
    kind: sa.select(tables.of(kind)).where(theirs(tables.of(kind), lambda owner: in_array(owner, "keys")))
    for kind in OF_WHOM
}
"""Built once: building a statement costs more than running it."""
CUSTOMERS = sa.select(tables.customer).where(in_array(tables.customer.c.id, "keys")).order_by(tables.customer.c.id)
LOCKING, LOCKING_FREE = CUSTOMERS.with_for_update(), CUSTOMERS.with_for_update(skip_locked=True)


def lock_customers(connection: Connection, ids: Iterable[str], *, skip_locked: bool = False) -> list[Customer]:
    """Lock customer rows in key order and return them; with `skip_locked` only those nobody else holds."""
    query = LOCKING_FREE if skip_locked else LOCKING  # SQLite, with one writer at a time, leaves the locking out
    locked: list[Customer] = []
    for chunk in chunks(ids):
        locked.extend(read_records(connection, Customer, query, {"keys": chunk}))
    return locked


def cases_of(
    connection: Connection,
    work: "UnitOfWork",
    customers: Iterable[Customer],
    kinds: Sequence[type[Row]] = OF_A_CUSTOMER,
) -> dict[CustomerId, "CustomerCase"]:
    """Return the case of each customer in a unit of work, with their rows of the given tables."""
    from workers.domain.customer_case import CustomerCase  # who only looks needs no case, and none of its rules

    cases = {customer.id: CustomerCase(customer, work) for customer in customers}
    if not cases:
        return cases
    know_rows(connection, cases, [kind for kind in kinds if kind not in AFTER_A_RESPONSE], cases)
    answered = (
        {key for key, case in cases.items() if case.all(records.Response)} if records.Response in kinds else cases
    )
    know_rows(connection, cases, [kind for kind in kinds if kind in AFTER_A_RESPONSE], answered)
    return cases


def know_rows(
    connection: Connection,
    cases: "Mapping[CustomerId, CustomerCase]",
    kinds: Sequence[type[Row]],
    customers: Iterable[CustomerId],
) -> None:
    """Let the cases of some customers know their rows of some tables; all are asked for in one round trip."""
    wanted = [(kind, chunk) for kind in kinds for chunk in chunks(customers)]
    if not wanted:
        return
    found = ask_each(connection, [(OF_CUSTOMERS[kind], {"keys": chunk}) for kind, chunk in wanted])
    is_sqlite = connection.dialect.name == "sqlite"
    for (kind, _), rows_found in zip(wanted, found, strict=True):
        for row in as_records(kind, rows_found, is_sqlite=is_sqlite):
            cases[row.customer].know(row)  # type: ignore[attr-defined]  # every kind of a case has a customer


OF_REFERENCES = OF_CUSTOMERS[records.Journey].where(in_array(tables.journey.c.reference, "references"))
OF_JOURNEYS = sa.select(tables.touchpoint).where(
    in_array(tables.touchpoint.c.journey, "keys"), in_array(tables.touchpoint.c.customer, "owners")
)


def cases_about(
    connection: Connection, work: "UnitOfWork", customers: Iterable[Customer], references: Iterable[str]
) -> dict[CustomerId, "CustomerCase"]:
    """Return the case of each customer with some references only: these journeys with their touchpoints, and stops.

    Of a customer of years that is a small part, and most events read nothing.
    """
    cases = cases_of(connection, work, customers, (records.Stop,))
    wanted = sorted(references)
    for chunk in chunks(cases):
        for start in range(0, len(wanted), CHUNK):
            some = {"keys": chunk, "references": wanted[start : start + CHUNK]}
            journeys = read_records(connection, records.Journey, OF_REFERENCES, some)
            for journey in journeys:
                cases[journey.customer].know(journey)
            owners = {journey.id: journey.customer for journey in journeys}
            for keys in chunks(owners):
                theirs = {"keys": keys, "owners": sorted({owners[key] for key in keys})}
                for touchpoint in read_records(connection, records.Touchpoint, OF_JOURNEYS, theirs):
                    cases[touchpoint.customer].know(touchpoint)
    return cases


SCORED_ELSEWHERE = sa.select(tables.response.c.customer).where(
    in_array(tables.response.c.customer, "keys"), tables.response.c.said_itself.is_not(None)
)
SUPPRESSED = sa.select(tables.suppression.c.address, tables.suppression.c.kind).where(
    in_array(tables.suppression.c.address, "keys")
)


def suppressed(connection: Connection, addresses: Iterable[str]) -> dict[str, str]:
    """Return the suppressed ones of these keyed address hashes, each with its kind; of several kinds a strict one."""
    kinds: dict[str, str] = {}
    for chunk in chunks(addresses):
        for address, kind in fetch(connection, SUPPRESSED, {"keys": chunk}):
            if kinds.get(address, LENIENT) == LENIENT:
                kinds[address] = kind
    return kinds


def suppressed_addresses(connection: Connection, addresses: Iterable[str], ids: Ids) -> dict[str, str]:
    """Return the suppressed ones of these mail addresses, each with its kind, however they are spelt."""
    keys = {address: address_keys(address, ids) for address in addresses}
    kinds = suppressed(connection, {key for each in keys.values() for key in each})
    kind_by_address: dict[str, str] = {}
    for address, each in keys.items():
        stricter = sorted((kinds[key] for key in each if key in kinds), key=LENIENT.__eq__)
        if stricter:
            kind_by_address[address] = stricter[0]
    return kind_by_address


REQUESTS = tables.survey_request.c
REQUESTS_NAMED = sa.select(REQUESTS.id, REQUESTS.customer).where(in_array(REQUESTS.id, "keys"))
"""Whose some requests are, whoever that is: each part of a divided table is asked by its index."""
REQUESTS_OF_CUSTOMERS = REQUESTS_NAMED.where(in_array(REQUESTS.customer, "owners"))


def owners_of_requests(
    connection: Connection, requests: Iterable[str], likely: Iterable[str] = ()
) -> dict[str, CustomerId]:
    """Return whose each survey request is; texts that are no id of ours are left out.

    `likely` are the customers whom those who speak of the requests name: most are theirs, and are looked for there.
    """
    wanted = {request for request in requests if is_id(request)}
    theirs = sorted(set(likely))
    owners: dict[str, CustomerId] = {}
    for chunk in chunks(wanted) if theirs else ():
        for some in chunks(theirs):
            owned = connection.execute(REQUESTS_OF_CUSTOMERS, {"keys": chunk, "owners": some})
            owners.update({str(key): customer for key, customer in owned})
    for chunk in chunks(wanted - set(owners)):
        named = connection.execute(REQUESTS_NAMED, {"keys": chunk})
        owners.update({str(key): customer for key, customer in named})
    return owners


def owners_of_tickets(connection: Connection, tickets: Iterable[str]) -> dict[str, CustomerId]:
    """Return whose each ticket is, by our id or by its number as text."""
    table = tables.ticket
    owners: dict[str, CustomerId] = {}
    for chunk in chunks(tickets):
        ids = [number_or_id for number_or_id in chunk if is_id(number_or_id)]
        numbers = [
            int(number_or_id)
            for number_or_id in chunk
            if number_or_id.isdecimal() and len(number_or_id) < LONGEST_NUMBER
        ]
        query = sa.select(table.c.id, table.c.number, table.c.customer)
        for key, number, customer in connection.execute(
            query.where(sa.or_(table.c.id.in_(ids), table.c.number.in_(numbers)))
        ):
            owners[str(key)] = owners[str(number)] = customer
    return owners


def scored_elsewhere(connection: Connection, customers: Iterable[str]) -> set[CustomerId]:
    """Return those of some customers of whom another tool's scores are known: a journey may say what they are about."""
    scored: set[CustomerId] = set()
    for chunk in chunks(customers):
        scored.update(CustomerId(str(key)) for key in connection.execute(SCORED_ELSEWHERE, {"keys": chunk}).scalars())
    return scored


def with_held_mails(connection: Connection, customers: Iterable[str]) -> set[CustomerId]:
    """Return those of some customers of whom a mail about an answer is held back."""
    c = tables.action.c
    holding: set[CustomerId] = set()
    for chunk in chunks(customers):
        query = sa.select(c.customer).where(in_array(c.customer, "keys"), c.state == ActionState.HELD)
        holding.update(CustomerId(str(key)) for key in connection.execute(query, {"keys": chunk}).scalars())
    return holding


def owners_of_scores(connection: Connection, scores: Iterable[tuple[str, str]]) -> dict[tuple[str, str], CustomerId]:
    """Return whose scores of other tools are known already, by source and id."""
    c = tables.response.c
    by_source: dict[str, list[str]] = {}
    for source, ident in scores:
        by_source.setdefault(source, []).append(ident)
    owners: dict[tuple[str, str], CustomerId] = {}
    for source, idents in by_source.items():
        for chunk in chunks(idents):
            query = sa.select(c.external_id, c.customer).where(c.source == source, c.external_id.in_(chunk))
            owners |= {(source, str(ident)): customer for ident, customer in connection.execute(query)}
    return owners


def known_ticket_events(connection: Connection, events: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those events, named by source and id, that stand in a ticket's own history already."""
    table = tables.ticket_entry
    by_source: dict[str, list[str]] = {}
    for source, event in events:
        by_source.setdefault(source, []).append(event)
    known_events: set[tuple[str, str]] = set()
    for source, ids in by_source.items():
        for chunk in chunks(ids):
            query = sa.select(table.c.event_id).where(table.c.source == source, table.c.event_id.in_(chunk))
            known_events.update((source, event) for event in connection.execute(query).scalars())
    return known_events


def is_id(text: str) -> bool:
    """Tell whether a text has the form of our ids: PostgreSQL refuses to compare an id with any other."""
    return ID.fullmatch(text) is not None
