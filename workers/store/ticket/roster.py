"""Who is there to take tickets, and whose turn it is: read and counted in the caller's transaction."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.customer_case import Checkpoint, UnitOfWork
from workers.domain.ticket_allocator import Missing, Need, Roster, TicketAllocator
from workers.store import tables
from workers.store.ticket.numbers import TICKETS, TURNS, hand_out
from workers.store.ticket.of_accounts import take_account, take_others

T = TypeVar("T")
AGENT, LEAD = "agent", "lead"


def read_roster(connection: Connection, now: datetime) -> Roster:
    """Return agents and leads who are not away at this instant, in the order of their names, and who is away."""
    table = tables.user
    people = connection.execute(sa.select(table.c.name, table.c.role, table.c.away_until).order_by(table.c.name))
    present: dict[str, list[str]] = {AGENT: [], LEAD: []}
    away = set()
    for name, role, until in people:
        if until is not None and until > now:
            away.add(str(name))
        elif role in present:
            present[role].append(str(name))
    return Roster(tuple(present[AGENT]), tuple(present[LEAD]), frozenset(away))


def decide(
    connection: Connection,
    work: UnitOfWork,
    step: Callable[[], T],
    *,
    dry: bool = False,
    mark: Checkpoint | None = None,
) -> T:
    """Carry out a step of the core; what it misses is fetched, and it is taken again from where it began.

    `mark` is where it began, if that was noted already. A number or a turn is handed out only for a step that needs
    one, so that few are left unused. A dry run hands nothing out.
    """
    mark = mark or work.checkpoint()
    while True:
        try:
            return step()
        except Missing as missing:
            work.roll_back(mark)
            if missing.need == Need.ACCOUNT:
                take_account(connection, work, missing.key, dry=dry)
            elif missing.need == Need.OTHERS:
                take_others(connection, work, missing.key, dry=dry)
            else:
                fetch(connection, work.allocator, missing.need, work.now, dry=dry)


def fetch(connection: Connection, allocator: TicketAllocator, need: Need, now: datetime, *, dry: bool = False) -> None:
    """Fetch what a decision needs."""
    if need == Need.ROSTER:
        allocator.staff = read_roster(connection, now)
    elif need == Need.NUMBER:
        allocator.numbers.append(0 if dry else hand_out(connection, TICKETS))
    else:
        allocator.turns.append(0 if dry else hand_out(connection, TURNS))


def next_agent(connection: Connection, but: str, now: datetime) -> str:
    """Return whose turn it is among the agents present other than one, or nobody ("")."""
    allocator = TicketAllocator(staff=read_roster(connection, now))
    while True:
        try:
            return allocator.next_agent(but)
        except Missing as missing:
            fetch(connection, allocator, missing.need, now)
