"""Response export: responses as a CSV file for a spreadsheet, and for `boucle rules backtest --responses`.

The file is readable by its owner only, and it appears whole or not at all.
"""

import os
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from workers.domain.reporting.scales import kind_of
from workers.store.connection import Connection
from workers.store.engine import Store
from workers.store.sign_in.audit_log import record_act
from workers.store.survey.responses import routed_responses
from workers.text.spreadsheets import Value, write_csv

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
    "drivers",
    "competitor",
    "wording",
    "question",
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
    """Give a row of `COLUMNS` for each response answered from an instant on, or ever; oldest first."""
    for routed in routed_responses(connection, since):
        response = routed.response
        yield (
            response.id,
            routed.crm_id,
            response.first_answered_at,
            response.trigger,
            round(response.after_days, 6),
            response.score,
            "yes" if response.comment.strip() else "no",
            "yes" if response.wants_contact else "no",
            response.band,
            response.previous_band,
            response.touchpoint,
            response.reference,
            response.label,
            routed.segment,
            routed.language,
            response.channel,
            response.agent,
            response.asked_at,
            response.answered_at,
            response.state,
            response.n,
            routed.rule,
            routed.version,
            response.flag,
            response.comment,
            response.improvement,
            routed.name,
            response.drivers or "",
            response.competitor or "",
            routed.wording,
            kind_of(response.question).value,
        )
