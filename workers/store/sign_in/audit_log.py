"""The audit log: who did what to which person, setting or rule; rows are added and never changed.

A row holds keys, numbers and words of our own, never personal data: it outlives the erasure that it records.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables


def record_act(
    connection: Connection, at: datetime, by: str, act: str, subject: str, detail: Mapping[str, Any] | None = None
) -> None:
    """Write one audit row in the caller's transaction: it stands exactly when the act does.

    `by` is a user's name or a verb of the command line, `act` a stable word such as `privacy.erase`, `subject` our
    own key of what it was done to; no argument may hold personal data.
    """
    row = {"at": at, "by": by, "act": act, "subject": subject, "detail": dict(detail or {})}
    connection.execute(sa.insert(tables.audit), [row])


def list_acts(connection: Connection, *, limit: int = 100, subject: str | None = None) -> list[dict[str, Any]]:
    """Return the last acts, newest first, of one subject where given."""
    query = sa.select(tables.audit).order_by(tables.audit.c.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(tables.audit.c.subject == subject)
    return [dict(row._mapping) for row in connection.execute(query)]


def last_act_at(connection: Connection, subject: str, act: str) -> datetime | None:
    """Return when an act was last done to a subject; None where it never was, or the log has forgotten it."""
    a = tables.audit.c
    query = sa.select(sa.func.max(a.at, type_=tables.Instant())).where(a.subject == subject, a.act == act)
    return connection.execute(query).scalar()
