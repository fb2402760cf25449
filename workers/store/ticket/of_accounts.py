"""The open tickets of accounts: who opens one for an account does so alone, and knows the one that there is.

On PostgreSQL two who open for one account take turns by a lock on its name until their transactions end; on SQLite
writers take turns anyway.
"""

from collections.abc import Iterable
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.records import Customer, Ticket, TicketEntry
from workers.domain.ticket import OF_ACCOUNT
from workers.domain.types import CustomerId, TicketState
from workers.store import read, tables

LOCK_OF_ACCOUNTS = 0x6163
"""PostgreSQL's advisory locks of accounts ("ac"); the second number is the hash of the account's key."""
LOCK = sa.select(sa.func.pg_advisory_xact_lock(LOCK_OF_ACCOUNTS, sa.func.hashtext(sa.bindparam("account"))))
C, K = tables.customer.c, tables.ticket.c
OPEN_TICKETS = (
    sa.select(K.customer)
    .join(tables.customer, C.id == K.customer)
    .where(C.account == sa.bindparam("account"), C.erased_at.is_(None), K.state != TicketState.DONE)
    .order_by(K.opened_at, K.id)
)


def take_account(connection: Connection, work: UnitOfWork, account: str, *, dry: bool = False) -> None:
    """Keep others from opening a ticket for an account until the transaction ends, and know the one that is open.

    1. The account is locked. 2. Who has its open ticket is locked: an agent may be at it. 3. Their ticket is read, and
    known by their case. A dry run locks nothing.
    """
    if connection.dialect.name == "postgresql" and not dry:
        connection.execute(LOCK, {"account": account})
    hosts = [CustomerId(str(key)) for key in connection.execute(OPEN_TICKETS, {"account": account}).scalars()]
    strangers = [key for key in hosts if key not in work.of_accounts]
    people = read.with_ids(connection, Customer, strangers) if dry else read.lock_customers(connection, strangers)
    for person in people:
        CustomerCase(person, work)
    for ticket in read.rows(connection, Ticket, K.customer.in_(hosts), K.state != TicketState.DONE) if hosts else ():
        case = work.of_accounts.get(ticket.customer)
        if case is not None and case.get(Ticket, ticket.id) is None:
            case.know(ticket)
    work.allocator.accounts.add(account)


def with_answers(connection: Connection, entries: Iterable[TicketEntry]) -> list[TicketEntry]:
    """Return the lines of a history, those of an account's further answers with who gave them and what they said.

    The words stay with their answer; of an erased person the score alone is left.
    """
    lines = list(entries)
    keys = {answer_of(line) for line in lines if line.kind == OF_ACCOUNT}
    if not keys:
        return lines
    r = tables.response.c
    query = sa.select(r.id, r.comment, C.name, C.crm_id).join(tables.customer, C.id == r.customer)
    said = {
        str(key): f"{comment} {called(name, crm_id)}".strip()
        for key, comment, name, crm_id in connection.execute(query.where(r.id.in_(keys)))
    }
    return [
        replace(line, text=f"{line.text} {said.get(answer_of(line), '')}".strip()) if line.kind == OF_ACCOUNT else line
        for line in lines
    ]


def called(name: str | None, crm_id: str | None) -> str:
    """Return who a customer is, in brackets; nothing of an erased one."""
    return f"({', '.join(filter(None, (name, crm_id)))})" if crm_id else ""


def answer_of(line: TicketEntry) -> str:
    """Return the answer that a line of an account's ticket names."""
    return (line.event_id or "").partition("/")[0]
