"""Response export: responses as a CSV file for a spreadsheet, and for `boucle rules backtest --responses`.

The file is readable by its owner only, and it appears whole or not at all.
"""

import os
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from workers.domain.types import DecisionState
from workers.store import tables as t
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.sign_in.audit_log import record_act
from workers.text.spreadsheets import Value, write_csv

AT_ONCE = 2_000  # rows fetched in one go
COLUMNS = (
    "id",
    "customer",
    "received_at",
    "trigger",
    "after",
    "score",
    "comment",
    "wants_contact",
    "band",
    "previous_band",
    "touchpoint",
    "reference",
    "label",
    "segment",
    "language",
    "channel",
    "agent",
    "asked_at",
    "answered_at",
    "state",
    "revisions",
    "rule",
    "table_version",
    "flag",
    "comment_text",
    "improvement",
    "name",
)
"""The first eight are what the follow-up table decides by, `after` in days; then what is said beside it."""


def export_responses(store: Store, path: Path, now: datetime, by: str, *, since: datetime | None = None) -> int:
    """Write the responses, oldest first, and return how many; a file that is there is replaced. Leaves an audit row."""
    with (
        store.reading(patient=True) as connection,
        tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=".", newline="", encoding="utf-8", delete=False
        ) as file,
    ):
        try:
            count = write_csv(file, COLUMNS, rows(connection, since))
        except BaseException:
            Path(file.name).unlink()
            raise
    os.replace(file.name, path)  # noqa: PTH105  # the name is a str here
    detail = {"rows": count, "since": since.isoformat() if since else ""}
    store.write(lambda connection: record_act(connection, now, by, "export.responses", "", detail))
    return count


def rows(connection: Connection, since: datetime | None) -> Iterator[tuple[Value, ...]]:
    """Give the responses in the order of `COLUMNS`."""
    r, c, d = t.response.c, t.customer.c, t.decision.c
    current = sa.and_(d.response == r.id, d.state == DecisionState.CURRENT)
    query = (
        sa.select(t.response, c.crm_id, c.name, c.segment, c.language, d.rule, d.version)
        .join(t.customer, c.id == r.customer)
        .outerjoin(t.decision, current)
        .order_by(r.first_answered_at, r.id)
        .execution_options(yield_per=AT_ONCE)
    )
    if since is not None:
        query = query.where(r.answered_at >= since)
    for row in connection.execute(query).mappings():
        yield (
            row[r.id],
            row[c.crm_id] or "",
            row[r.first_answered_at],
            row[r.trigger],
            round(row[r.after_days], 6),
            row[r.score],
            "yes" if row[r.comment].strip() else "no",
            "yes" if row[r.wants_contact] else "no",
            row[r.band],
            row[r.previous_band],
            row[r.touchpoint],
            row[r.reference],
            row[r.label],
            row[c.segment] or "",
            row[c.language] or "",
            row[r.channel],
            row[r.agent],
            row[r.asked_at],
            row[r.answered_at],
            row[r.state],
            row[r.n],
            row[d.rule] or "",
            row[d.version] or "",
            row[r.flag],
            row[r.comment],
            row[r.improvement],
            row[c.name] or "",
        )
