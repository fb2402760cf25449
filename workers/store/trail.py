"""The audit trail: who did what, when, to which row. Append only, and without personal data, so that it outlives an
erasure.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables

MACHINE = "boucle"
"""Who acts where no person did."""


def record(
    connection: Connection,
    at: datetime,
    by: str,
    act: str,
    subject: str,
    detail: Mapping[str, str | int | bool] | None = None,
) -> None:
    """Add one act of a person in the caller's transaction: `act` as thing.verb, `subject` without a name in it."""
    connection.execute(
        sa.insert(tables.audit).values(at=at, by=by or MACHINE, act=act, subject=subject, detail=dict(detail or {}))
    )


def latest(connection: Connection, limit: int = 200) -> Sequence[sa.Row[tuple[object, ...]]]:
    """Return the latest acts, newest first."""
    table = tables.audit
    return connection.execute(sa.select(table).order_by(table.c.id.desc()).limit(limit)).all()
