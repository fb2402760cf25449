"""Loads the story of one customer, and finds whose a response or an event is. Reads only."""

from collections.abc import Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain import records
from workers.domain.customer.profile import customer_id
from workers.domain.explain import Story
from workers.domain.mail.question_wording import wording_of
from workers.domain.policy import Policy
from workers.domain.records import Customer, DeadLetter, Row
from workers.domain.ticket import history_order
from workers.domain.types import CustomerId
from workers.store import read
from workers.store import tables as t
from workers.store.customer.askings import Mailboxes
from workers.store.customer.erasure import merged_into
from workers.store.survey.wordings import wordings_by_id

R = TypeVar("R", bound=Row)

MOST_SOURCES = 200
"""Sources up to which an id is looked up under each of them; an installation has a handful."""


def by_crm_id(connection: Connection, crm_id: str, policy: Policy) -> Story | None:
    """Return the story of the customer whom the CRM calls so, or None; an erased one is found by our own key."""
    c = t.customer.c
    customers = read.rows(connection, Customer, sa.or_(c.crm_id == crm_id, c.id == customer_id(crm_id, policy.ids)))
    return of(connection, customers[0], policy, crm_id) if customers else None


def by_key(connection: Connection, customer: CustomerId, policy: Policy) -> Story | None:
    """Return the story of a customer by our own key, or None."""
    profile = read.by_key(connection, Customer, customer)
    return of(connection, profile, policy, profile.crm_id) if profile else None


def of(connection: Connection, customer: Customer, policy: Policy, crm_id: str | None) -> Story:
    """Return every row about a person: of whom another was merged into, theirs too, whichever of them is asked for."""
    asked_as, customer = crm_id, head_of(connection, customer)
    merged = read.rows(connection, Customer, t.customer.c.id.in_(merged_into(connection, customer.id)))
    keys = [customer.id, *(member.id for member in merged)]

    def rows(kind: type[R], order: str) -> tuple[R, ...]:
        table = t.of(kind)
        query = (
            sa.select(table)
            .where(read.theirs(table, lambda owner: owner.in_(keys)))
            .order_by(table.c[order], *table.primary_key)
        )
        return tuple(kind(*row) for row in connection.execute(query))

    address = customer.email or ""
    names = sorted({member.crm_id for member in (customer, *merged) if member.crm_id} | {crm_id or ""} - {""})
    requests = rows(records.SurveyRequest, "asked_at")
    return Story(
        customer=customer,
        events=rows(records.Inbox, "occurred_at"),
        dead_letters=tuple(letters(connection, t.dead_letter.c.subject.in_(names))),
        stops=rows(records.Stop, "from_at"),
        journeys=rows(records.Journey, "anchor_at"),
        touchpoints=rows(records.Touchpoint, "due_at"),
        requests=requests,
        clicks=rows(records.Click, "at"),
        responses=rows(records.Response, "answered_at"),
        revisions=rows(records.ResponseRevision, "at"),
        decisions=rows(records.Decision, "at"),
        actions=rows(records.Action, "due_at"),
        dispatches=rows(records.Dispatch, "created_at"),
        tickets=rows(records.Ticket, "opened_at"),
        entries=tuple(sorted(rows(records.TicketEntry, "at"), key=history_order)),
        testimonials=rows(records.Testimonial, "asked_at"),
        history=rows(records.History, "at"),
        dialogues=rows(records.SmsDialogue, "asked_at"),
        texts=rows(records.SmsMessage, "created_at"),
        text_replies=rows(records.SmsReply, "at"),
        suppressed=read.suppressed_addresses(connection, [address], policy.ids).get(address, "") if address else "",
        asked_elsewhere=Mailboxes(connection, [customer], policy, lock=False).elsewhere(*keys),
        merged_from=tuple(name for name in names if name != customer.crm_id and not customer.erased_at),
        asked_as=asked_as or "",
        wordings=wordings_by_id(connection, {wording_of(request) for request in requests}),
    )


def head_of(connection: Connection, customer: Customer) -> Customer:
    """Return the customer into whom one was merged, maybe by way of others; else the customer."""
    while customer.merged_into and (into := read.by_key(connection, Customer, customer.merged_into)):
        customer = into
    return customer


def letters(connection: Connection, condition: sa.ColumnElement[bool]) -> Sequence[DeadLetter]:
    """Return the dead letters that meet a condition, oldest first."""
    rows = read.rows(connection, DeadLetter, condition)
    return sorted(rows, key=lambda letter: (letter.received_at, letter.id))


def owner_of_response(connection: Connection, ident: str) -> tuple[CustomerId, str] | None:
    """Return whose a response is and its id, by our id or by the id that another tool gave it."""
    c = t.response.c
    query = sa.select(c.customer, c.id).order_by(c.answered_at)
    of_tool = is_named(connection, c.source, c.external_id, ident)
    named = [] if of_tool is None else [of_tool]
    if read.is_id(ident):
        named.append(c.id == ident)
    if not named:
        return None
    row = connection.execute(query.where(sa.or_(*named))).first()
    return (CustomerId(str(row[0])), str(row[1])) if row else None


def owners_of_event(connection: Connection, ident: str) -> list[tuple[str, str, CustomerId | None]]:
    """Return (source, id, customer) of the accepted events with this id, or with this source/id.

    One that the inbox has forgotten is looked for in what it left behind: journeys, stops and responses.
    """
    if not ident:
        return []
    return in_inbox(connection, ident) or traces(connection, ident)


def in_inbox(connection: Connection, ident: str) -> list[tuple[str, str, CustomerId | None]]:
    """Return (source, id, customer) of the events with this id, or with this source/id, that the inbox still has."""
    c = t.inbox.c
    named = is_named(connection, c.source, c.event_id, ident)
    if named is None:
        return []
    query = sa.select(c.source, c.event_id, c.customer).where(named).order_by(c.received_at, c.source)
    rows = connection.execute(query)
    return [(str(source), str(event), customer) for source, event, customer in rows]


def sources(connection: Connection, column: sa.ColumnElement[Any]) -> list[str]:
    """Return every source that events or answers came from, each found by one step in the key that begins with it."""
    names: list[str] = []
    query = sa.select(sa.func.min(column))
    source = connection.execute(query).scalar()
    while source is not None and len(names) < MOST_SOURCES:
        names.append(str(source))
        source = connection.execute(query.where(column > source)).scalar()
    return names


def names_of(ident: str, sources_given: Sequence[str]) -> list[tuple[str, str]]:
    """Return the (source, id) that a name may stand for: an id of any known source, or source and id with a slash."""
    places = [n for n, sign in enumerate(ident) if sign == "/"]
    split = [(ident[:n], ident[n + 1 :]) for n in places]
    return [*((source, ident) for source in sources_given), *(pair for pair in split if pair[0] in sources_given)]


def is_named(
    connection: Connection, source: sa.ColumnElement[Any], name: sa.ColumnElement[Any], ident: str
) -> sa.ColumnElement[bool] | None:
    """Return the condition of rows with this id, or this source/id, in words that both databases look up by key.

    None where no row can have it. Where there are more sources than are looked under, all rows are read.
    """
    known_sources = sources(connection, source)
    if len(known_sources) == MOST_SOURCES:
        return sa.or_(name == ident, source + "/" + name == ident)
    names = names_of(ident, known_sources)
    return sa.or_(*(sa.and_(source == of_source, name == event) for of_source, event in names)) if names else None


def traces(connection: Connection, ident: str) -> list[tuple[str, str, CustomerId | None]]:
    """Return (source, id, customer) of an event that the inbox has forgotten, by the rows that name it.

    Reads the journeys and stops from end to end: it comes up for events older than the inbox keeps them, or unknown.
    """
    seen: set[tuple[str, str, CustomerId | None]] = set()
    for table in (t.journey, t.stop):
        c = table.c
        named = sa.or_(c.event == ident, c.event.endswith(f"/{ident}", autoescape=True))
        for event, customer in connection.execute(sa.select(c.event, c.customer).where(named)):
            source = str(event)[: -len(ident) - 1] if event != ident else ident.rpartition("/")[0]
            seen.add((source, str(event)[len(source) + 1 :], customer))
    r = t.response.c
    scored = is_named(connection, r.source, r.external_id, ident)
    if scored is not None:
        query = sa.select(r.source, r.external_id, r.customer).where(scored)
        seen |= {(str(source), str(event), customer) for source, event, customer in connection.execute(query)}
    return sorted(seen, key=lambda trace: trace[:2])


def letters_of_event(connection: Connection, ident: str) -> Sequence[DeadLetter]:
    """Return the dead letters of an event, by its id, its source/id, or the letter's own id."""
    c = t.dead_letter.c
    named = [c.event_id == ident, c.source + "/" + c.event_id == ident]
    if read.is_id(ident):
        named.append(c.id == ident)
    return letters(connection, sa.or_(*named))
