"""The dead letters as a queue: listed without their bytes, and moved on to where somebody has decided."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.types import DeadLetterState
from workers.store import tables

TABLE = tables.dead_letter
LISTED_AT_MOST = 10_000
LISTED = (
    TABLE.c.id,
    TABLE.c.reason,
    TABLE.c.fault,
    sa.func.coalesce(TABLE.c.size, sa.func.length(TABLE.c.body)),
    sa.func.coalesce(TABLE.c.size, 0) > sa.func.length(TABLE.c.body),
    TABLE.c.sha256,
    TABLE.c.door,
    TABLE.c.topic,
    TABLE.c.partition,
    TABLE.c.offset,
    TABLE.c.state,
    TABLE.c.received_at,
    TABLE.c.source,
    TABLE.c.event_id,
    TABLE.c.subject,
    TABLE.c.file,
    TABLE.c.line,
    TABLE.c.column,
)


@dataclass(frozen=True, slots=True)
class ListedLetter:
    """A letter as lists show it: without headers and bytes. `size` is the whole message's, in bytes."""

    id: str
    reason: str
    fault: str
    size: int
    truncated: bool
    sha256: str | None
    door: str
    topic: str | None
    partition: int | None
    offset: int | None
    state: DeadLetterState
    received_at: datetime
    source: str | None
    event_id: str | None
    subject: str | None
    file: str | None
    line: int | None
    column: str | None


def list_letters(connection: Connection, *, state: str = "", reason: str = "") -> list[ListedLetter]:
    """Return letters, oldest first; an empty state or reason means every one."""
    conditions = [TABLE.c.state == state] if state else []
    if reason:
        conditions.append(TABLE.c.reason == reason)
    query = sa.select(*LISTED).where(*conditions).order_by(TABLE.c.received_at, TABLE.c.id)
    return [ListedLetter(*row) for row in connection.execute(query.limit(LISTED_AT_MOST))]


def move_letter(connection: Connection, ident: str, state: DeadLetterState, note: str, now: datetime) -> None:
    """Write what became of a letter, and why; an unknown one changes nothing."""
    connection.execute(sa.update(TABLE).where(TABLE.c.id == ident).values(state=state, note=note, changed_at=now))
