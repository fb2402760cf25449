"""The open tickets of accounts: who opens one for an account does so alone, and knows the one that there is.

On PostgreSQL two who open for one account take turns by a lock on its name until their transactions end; on SQLite
writers take turns anyway.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.customer_case import CustomerCase, UnitOfWork
from workers.domain.records import Customer, Response, Ticket, TicketEntry
from workers.domain.ticket import OF_ACCOUNT
from workers.domain.ticket.others import answer_of
from workers.domain.ticket.outcomes import NAMES_SOMEBODY, TOLD_OTHER, UNTOLD_OTHER
from workers.domain.types import CustomerId, TicketState
from workers.store import read, tables
from workers.structs import replace

LOCK_OF_ACCOUNTS = 0x6163
"""PostgreSQL's advisory locks of accounts ("ac"); the second number is the hash of the account's key."""
LOCK = sa.select(sa.func.pg_advisory_xact_lock(LOCK_OF_ACCOUNTS, sa.func.hashtext(sa.bindparam("account"))))
C, K, A, E = tables.customer.c, tables.ticket.c, tables.action.c, tables.ticket_entry.c
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


OTHERS = (
    sa.select(A.customer, A.response)
    .join(tables.ticket, sa.and_(K.id == A.ticket, K.customer != A.customer))
    .where(A.ticket == sa.bindparam("ticket"))
    .distinct()
)
HEARD = sa.select(E.event_id).where(E.ticket == sa.bindparam("ticket"), E.kind.in_((TOLD_OTHER, UNTOLD_OTHER)))


def take_others(connection: Connection, work: UnitOfWork, ticket: str, *, dry: bool = False) -> None:
    """Lock the others of an account whose answers are noted in a ticket, and know each with the latest answer.

    Who heard already what was done about that one is left out. A dry run locks nothing.
    """
    named = {"ticket": ticket}
    heard = set(connection.execute(HEARD, named).scalars())
    answers = {(str(who), str(key)) for who, key in connection.execute(OTHERS, named)}
    owners = {who for who, _ in answers}
    people = read.with_ids(connection, Customer, owners) if dry else read.lock_customers(connection, owners)
    addresses = {person.email for person in people if person.email}
    suppressed = read.suppressed_addresses(connection, addresses, work.policy.ids)
    responses = read.with_owners(connection, Response, owners, {key for _, key in answers})
    latest = {
        response.customer: response
        for response in sorted(responses, key=lambda response: (response.answered_at, response.id))
    }
    others = []
    for person in people:
        response = latest.get(person.id)
        if response is not None and response.id not in heard:
            case = work.of_accounts.get(person.id) or CustomerCase(person, work)
            case.suppressed = suppressed.get(person.email or "", "")
            others.append((case, response))
    work.others[ticket] = tuple(others)


def with_answers(connection: Connection, entries: Iterable[TicketEntry]) -> list[TicketEntry]:
    """Return the lines of a history, those about others of the account with who it is, and what they said.

    The words stay with their answer; of an erased person the score alone is left.
    """
    lines = list(entries)
    keys = {answer_of(line) for line in lines if line.kind in NAMES_SOMEBODY}
    if not keys:
        return lines
    r = tables.response.c
    query = sa.select(r.id, r.comment, C.name, C.crm_id).join(tables.customer, C.id == r.customer)
    who: dict[str, str] = {}
    said: dict[str, str] = {}
    for key, comment, name, crm_id in connection.execute(query.where(r.id.in_(keys))):
        who[str(key)] = called(name, crm_id)
        said[str(key)] = comment

    def with_words(line: TicketEntry) -> TicketEntry:
        key = answer_of(line)
        words = (line.text, said.get(key) if line.kind == OF_ACCOUNT else "", who.get(key))
        return replace(line, text=" ".join(filter(None, words)))

    return [with_words(line) if line.kind in NAMES_SOMEBODY else line for line in lines]


def called(name: str | None, crm_id: str | None) -> str:
    """Return who a customer is, in brackets; nothing of an erased one."""
    return f"({', '.join(filter(None, (name, crm_id)))})" if crm_id else ""
