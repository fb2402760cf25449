"""Counting: how many of everything in each state, what is due and not done, and whether the books add up.

One screen for the operator who asks why nothing goes out. Counts only, by the database; changes nothing.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers import books
from workers.books import Books
from workers.explaining import Sending
from workers.facts import PENDING
from workers.store import overview
from workers.store import tables as t
from workers.words import (
    ActionState,
    DeadLetterState,
    DispatchState,
    RequestState,
    ResponseState,
    TicketState,
)

__all__ = ["Sending", "as_text", "book_rows", "read_books", "status"]

FAILED = (DispatchState.FAILED, DispatchState.UNKNOWN)
LEAVING = (DispatchState.READY, DispatchState.LEASED, DispatchState.SENDING)
RETIRED = "inbox_retired"
"""Counter of inbox rows that retention has deleted: they were accepted all the same."""
STATUS_GROUPS = (
    "touchpoints",
    "survey_requests",
    "responses",
    "decisions",
    "actions",
    "dispatches",
    "tickets",
    "dead_letters",
)


def status(connection: Connection, now: datetime, *, sending: Sending) -> dict[str, object]:
    """Return every group by state, what is due and not done at `now`, and whether mails go out."""
    groups: dict[str, object] = {"events": events(connection)}
    for group in STATUS_GROUPS:
        counted = overview.by_state(connection, group)
        groups[group] = {"total": sum(counted.values()), **counted}
    due = due_work(connection, now)
    return {
        **groups,
        "due_now": sum(due.values()),
        "due": due,
        "oldest_due": oldest_due(connection, now),
        "outbox": due["outbox"],
        "failed": overview.count(connection, t.dispatch, t.dispatch.c.state.in_(FAILED)),
        "sending": sending.as_dict(),
    }


def events(connection: Connection) -> dict[str, int]:
    """Return the events that were accepted, and those that are dead letters: a replayed one counts as accepted."""
    retired = connection.execute(sa.select(t.counter.c.value).where(t.counter.c.name == RETIRED)).scalar() or 0
    accepted = overview.count(connection, t.inbox) + int(retired)
    letters = overview.count(connection, t.dead_letter, t.dead_letter.c.state != DeadLetterState.REPLAYED)
    return {"total": accepted + letters, "accepted": accepted, "dead_letter": letters}


def due(now: datetime) -> dict[str, tuple[sa.Table, sa.ColumnElement[datetime | None], sa.ColumnElement[bool]]]:
    """Return, for each kind of due work, its table, the instant from which it is due, and which rows are not done."""
    return {
        "touchpoints": (t.touchpoint, t.touchpoint.c.wake_at, t.touchpoint.c.state.in_(PENDING)),
        "responses": (t.response, t.response.c.settles_at, t.response.c.state == ResponseState.SETTLING),
        "survey_requests": (
            t.survey_request,
            t.survey_request.c.closes_at,
            t.survey_request.c.state.in_((RequestState.OPEN, RequestState.ANSWERED)),
        ),
        "actions": (t.action, t.action.c.due_at, t.action.c.state.in_((ActionState.PLANNED, ActionState.HELD))),
        "dispatches": (t.dispatch, t.dispatch.c.not_before, t.dispatch.c.state.in_(LEAVING)),
        "tickets": (t.ticket, t.ticket.c.waiting_until, t.ticket.c.state == TicketState.WAITING),
        "waves": (t.wave, t.wave.c.at, t.wave.c.done_at.is_(None)),
    }


def due_work(connection: Connection, now: datetime) -> dict[str, int]:
    """Return how much of each kind is due and not done; what waits in the outbox is always due."""
    found = {
        kind: overview.count(connection, table, not_done, at <= now) for kind, (table, at, not_done) in due(now).items()
    }
    return {**found, "outbox": overview.count(connection, t.outbox)}


def oldest_due(connection: Connection, now: datetime) -> dict[str, str] | None:
    """Return the kind and instant of what has been due for the longest time, or None."""
    oldest: tuple[datetime, str] | None = None
    for kind, (_, at, not_done) in due(now).items():
        first = connection.execute(sa.select(sa.func.min(at)).where(not_done, at <= now)).scalar()
        if first is not None and (oldest is None or (first, kind) < oldest):
            oldest = (first, kind)
    return None if oldest is None else {"at": oldest[0].isoformat(), "what": oldest[1]}


def read_books(connection: Connection) -> Books:
    """Return the books: every count that a sum names, and the fingerprint of each table's comparable rows."""
    marks = {table: books.fingerprint(lines) for table, lines in overview.lines(connection)}
    return Books(
        tallies=overview.tallies(connection),
        fingerprints={table: mark for table, (mark, _) in marks.items()},
        counts={table: n for table, (_, n) in marks.items()},
    )


def book_rows(connection: Connection) -> Iterator[tuple[str, str]]:
    """Give every comparable row as (table, line), so that `books.difference` can tell two books apart."""
    for table, lines in overview.lines(connection):
        for line in lines:
            yield table, line


def as_text(status: Mapping[str, object]) -> str:
    """Return the status for a terminal: sending and what is due first, then each group by state."""
    sending, oldest = cast("dict[str, object]", status["sending"]), cast("dict[str, str] | None", status["oldest_due"])
    lines = [f"sending     {sending['state']}" + (f": {sending['reason']}" if sending["reason"] else "")]
    if sending["paused"]:
        lines.append(f"paused      {', '.join(cast('list[str]', sending['paused']))}")
    waiting = {kind: n for kind, n in cast("dict[str, int]", status["due"]).items() if n}
    parts = ", ".join(f"{n} {kind}" for kind, n in waiting.items())
    lines.append(f"due now     {status['due_now']}" + (f" ({parts})" if parts else ""))
    lines.append("oldest due  " + (f"{oldest['at']} ({oldest['what']})" if oldest else "nothing"))
    lines += [f"outbox      {status['outbox']}", f"failed      {status['failed']}", ""]
    for group in ("events", *STATUS_GROUPS):
        counted = cast("dict[str, int]", status[group])
        states = "  ".join(f"{state} {n}" for state, n in counted.items() if state != "total")
        lines.append(f"{group:<16}{counted['total']:>8}  {states}")
    return "\n".join(lines)
