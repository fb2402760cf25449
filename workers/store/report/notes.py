"""The dated notes on the report's charts, initiatives that are done among them. Reads only."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.reporting import Filters
from workers.store import tables as t
from workers.store.report import figures as stored


@dataclass(frozen=True, slots=True)
class Note:
    """A dated note on the charts: what was changed, so that one sees whether it helped."""

    at: datetime
    text: str
    by: str
    initiative: int | None = None
    id: int | None = None


def notes(connection: Connection, filters: Filters) -> list[Note]:
    """Return the notes of the report's period, initiatives that are done among them, oldest first."""
    n, i = t.report_note.c, t.initiative.c
    written = sa.select(n.at, n.text, n.by, n.id).where(*stored.within(n.at, filters))
    done = sa.select(i.done_at, i.name, i.owner, i.id).where(i.done_at.is_not(None), *stored.within(i.done_at, filters))
    noted = [Note(at, text, by, id=key) for at, text, by, key in connection.execute(written)]
    noted += [Note(at, name, owner, initiative=key) for at, name, owner, key in connection.execute(done)]
    return sorted(noted, key=lambda note: (note.at, note.text))
