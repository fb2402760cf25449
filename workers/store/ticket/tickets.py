"""Reads tickets for the inbox: open ones, promises that are due, and what a search finds. Reads only."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Customer, Ticket
from workers.domain.types import TicketState
from workers.store import read, tables

FOUND_AT_MOST = 50
LISTED_AT_MOST = 500
"""Tickets of one page; a team with more open ones needs people, not a longer list."""
FEWEST_DIGITS = 3
NOISE = (" ", "-", ".", "(", ")", "/", "\u00a0")
"""Signs that people write in phone numbers."""
TICKET_COLUMNS = len(Ticket.names())

Row = tuple[Ticket, Customer]


def open_tickets(connection: Connection) -> list[Row]:
    """Return every ticket that is not done, with its customer, the one due first on top."""
    table = tables.ticket
    return listed(connection, table.c.state != TicketState.DONE)


def every_ticket(connection: Connection, *, done: bool) -> list[tuple[Ticket, str, str]]:
    """Return tickets with the CRM's id and the name of their customer, the one due first on top; with `done` all."""
    table, customer = tables.ticket, tables.customer.c
    query = sa.select(table, customer.crm_id, customer.name).join(tables.customer, customer.id == table.c.customer)
    if not done:
        query = query.where(table.c.state != TicketState.DONE)
    rows = connection.execute(query.order_by(table.c.due_at, table.c.number))
    return [(Ticket(*row[:-2]), row[-2], row[-1]) for row in rows]


PAST_FIRST_CONTACT = sa.select(tables.ticket).where(
    tables.ticket.c.state != TicketState.DONE, tables.ticket.c.due_at <= sa.bindparam("now", type_=tables.Instant())
)


def past_first_contact(connection: Connection, now: datetime) -> list[Ticket]:
    """Return the tickets that are not done and past the time of their first contact, met or not."""
    return [Ticket(*row) for row in connection.execute(PAST_FIRST_CONTACT, {"now": now})]


def ticket_numbered(connection: Connection, number: int) -> list[Row]:
    """Return the ticket of a number with its customer, in a list; empty for none, or where its person was erased."""
    return listed(connection, tables.ticket.c.number == number)


def open_ticket_of(connection: Connection, customer: str) -> Ticket | None:
    """Return the ticket of a customer that is not done: there is one at most."""
    k = tables.ticket.c
    tickets = read.rows(connection, Ticket, k.customer == customer, k.state != TicketState.DONE)
    return tickets[0] if tickets else None


def promises(connection: Connection) -> list[Row]:
    """Return the passed-on tickets whose promise is not kept yet."""
    table = tables.ticket
    waiting = sa.and_(table.c.state == TicketState.DONE, table.c.promised_at.is_not(None), table.c.kept_at.is_(None))
    return listed(connection, waiting)


def listed(connection: Connection, condition: sa.ColumnElement[bool], limit: int = LISTED_AT_MOST) -> list[Row]:
    """Return the tickets that meet a condition, with their customers; nobody is owed anything after an erasure."""
    table, customer = tables.ticket, tables.customer
    query = (
        sa.select(table, customer)
        .join(customer, customer.c.id == table.c.customer)
        .where(condition, customer.c.erased_at.is_(None))
        .order_by(table.c.due_at, table.c.number)
        .limit(limit)
    )
    return [(Ticket(*row[:TICKET_COLUMNS]), Customer(*row[TICKET_COLUMNS:])) for row in connection.execute(query)]


def search(connection: Connection, text: str) -> list[Row]:
    """Return tickets, done ones too: by number, phone, CRM id or reference, or by a part of a text.

    The texts are the customer's name and mail address, what they wrote, and what the ticket is about.
    """
    table, customer = tables.ticket, tables.customer
    wanted = text.strip()
    if not wanted:
        return []
    texts = (customer.c.name, customer.c.email, table.c.comment, table.c.label)
    tests = [*(named(column, wanted) for column in texts), customer.c.crm_id == wanted, table.c.reference == wanted]
    number = wanted.removeprefix("#")
    if number.isdecimal() and len(number) < 10:
        tests.append(table.c.number == int(number))
    if digits := digits_of(wanted):
        tests += [plain(table.c.phone).contains(digits), plain(customer.c.phone).contains(digits)]
    return listed(connection, sa.or_(*tests), FOUND_AT_MOST)


def search_customers(connection: Connection, text: str) -> Sequence[Customer]:
    """Return customers by CRM id, phone or reference, or by a part of a text.

    The texts are their name and mail address, what they wrote, and what they were asked about.
    """
    customer, answer = tables.customer, tables.response.c
    wanted = text.strip()
    if not wanted:
        return []
    said = [named(column, wanted) for column in (answer.comment, answer.improvement, answer.label)]
    tests = [named(customer.c.name, wanted), named(customer.c.email, wanted), customer.c.crm_id == wanted]
    tests.append(customer.c.id.in_(sa.select(answer.customer).where(sa.or_(*said, answer.reference == wanted))))
    if digits := digits_of(wanted):
        tests.append(plain(customer.c.phone).contains(digits))
    matching = sa.and_(sa.or_(*tests), customer.c.erased_at.is_(None))
    query = sa.select(customer).where(matching).order_by(customer.c.name, customer.c.crm_id).limit(FOUND_AT_MOST)
    return [Customer(*row) for row in connection.execute(query)]


def lately_answered(connection: Connection, limit: int) -> Sequence[Customer]:
    """Return the customers of the latest answers, the newest first."""
    c, r = tables.customer.c, tables.response.c
    latest = sa.select(r.customer, r.answered_at).order_by(r.answered_at.desc()).limit(limit * 2).subquery()
    query = (
        sa.select(tables.customer)
        .join(latest, latest.c.customer == c.id)
        .where(c.erased_at.is_(None))
        .order_by(latest.c.answered_at.desc(), c.id)
    )
    customers = {row.id: Customer(*row) for row in connection.execute(query)}
    return list(customers.values())[:limit]


def named(column: sa.ColumnElement[str | None], text: str) -> sa.ColumnElement[bool]:
    """Return the condition that a name holds a text, in any capitals: SQLite knows only those of ASCII."""
    forms = dict.fromkeys((text, text.lower(), text.upper(), text.title()))
    return sa.or_(*(column.icontains(form, autoescape=True) for form in forms))


def digits_of(text: str) -> str:
    """Return the digits of a phone number as they stand in any way of writing it: +33 6 12, 06 12 and 612 are one."""
    bare = plain_text(text)
    digits = "".join(sign for sign in bare if sign.isdecimal()).lstrip("0")
    return digits if len(digits) >= FEWEST_DIGITS and bare.removeprefix("+").isdecimal() else ""


def plain_text(text: str) -> str:
    """Return a text without the signs that people write in phone numbers."""
    for sign in NOISE:
        text = text.replace(sign, "")
    return text


def plain(column: sa.ColumnElement[str] | sa.ColumnElement[str | None]) -> sa.ColumnElement[str]:
    """Return a phone column without the signs that people write in it."""
    bare: sa.ColumnElement[str] = sa.func.coalesce(column, "")
    for sign in NOISE:
        bare = sa.func.replace(bare, sign, "")
    return bare


def stamp(connection: Connection) -> str:
    """Return a text that changes whenever any ticket changes."""
    table = tables.ticket
    row = connection.execute(sa.select(sa.func.count(), sa.func.max(table.c.changed_at), sa.func.sum(table.c.version)))
    return "/".join(str(value) for value in row.one())


def numbers_of(connection: Connection, owner: str) -> Iterable[int]:
    """Return the numbers of the open tickets that a person owns."""
    table = tables.ticket
    here = sa.and_(table.c.owner == owner, table.c.state != TicketState.DONE)
    return [int(number) for number in connection.execute(sa.select(table.c.number).where(here)).scalars()]
