"""Cells of the report: questions and answers by the day of asking, and the changes that say which days to recount.

Additive: a role of the release before goes on working with it, and what it writes is said by the triggers as well.
Nothing is counted here: everything is read from rows until the role `send` has counted each day, one by one.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT, KEY, NUMBER

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

ROWS_OF = {
    "insert": "NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
}
DAY_OF = {
    "survey_request": ("asked_at", ""),
    "response": ("coalesce(q.asked_at, r.asked_at)", "LEFT JOIN survey_request q ON q.id = r.request"),
    "click": ("q.asked_at", "JOIN survey_request q ON q.id = r.request"),
}
"""The tables whose rows are in the report's cells: when each row's question was asked, and where that stands."""
SEGMENT_CHANGED = "(OLD.segment, OLD.language) IS DISTINCT FROM (NEW.segment, NEW.language)"
OF_CUSTOMERS = {"update": f"FOR EACH ROW WHEN ({SEGMENT_CHANGED})", "delete": "FOR EACH ROW"}
LOCKED = ("customer", "survey_request", "click", "response")
"""The tables that get triggers, in the order in which every role writes them."""


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "report_change",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("day", INSTANT, nullable=True),
        sa.Column("segment_of", KEY, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("report_change_day", "report_change", ["day"], unique=False)
    op.create_table(
        "asked_cell",
        sa.Column("day", INSTANT, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("trigger", "touchpoint", "segment", "language")),
        *(
            sa.Column(name, NUMBER, nullable=False)
            for name in (
                *("asked", "open", "delivered", "answered", "commented", "after_reminder"),
                *("clicked", "lost", "reminded", "suspected"),
            )
        ),
        sa.PrimaryKeyConstraint("day", "trigger", "touchpoint", "segment", "language"),
    )
    op.create_table(
        "answer_cell",
        sa.Column("day", INSTANT, nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("trigger", "touchpoint", "segment", "language", "channel")
        ),
        sa.Column("score", NUMBER, autoincrement=False, nullable=False),
        *(sa.Column(name, NUMBER, nullable=False) for name in ("n", "requested", "settling", "late")),
        sa.PrimaryKeyConstraint("day", "trigger", "touchpoint", "segment", "language", "channel", "score"),
    )
    if not on_sqlite:
        op.execute(sa.text(f"LOCK TABLE {', '.join(LOCKED)} IN SHARE ROW EXCLUSIVE MODE"))
    for statement in for_sqlite() if on_sqlite else for_postgresql():
        op.execute(sa.text(statement))
    op.execute(sa.text("INSERT INTO report_change (day, segment_of) VALUES (NULL, NULL)"))


def for_postgresql() -> Iterator[str]:
    """Give the statements that make PostgreSQL's triggers: for each statement one insert of the days it is about."""
    shown = {
        "insert": "SELECT * FROM new_rows",
        "delete": "SELECT * FROM old_rows",
        "update": "SELECT * FROM new_rows UNION ALL SELECT * FROM old_rows",
    }
    for table, (at, join) in DAY_OF.items():
        for event, rows in shown.items():
            body = (
                f"INSERT INTO report_change (day) SELECT DISTINCT date_trunc('day', {at}, 'UTC') "
                f"FROM ({rows}) AS r {join};"
            )
            yield from made(event, table, body)
    for event in OF_CUSTOMERS:
        yield from made(event, "customer", "INSERT INTO report_change (segment_of) VALUES (OLD.id);")


def made(event: str, table: str, body: str) -> Iterator[str]:
    """Give the statements that make a trigger and its function."""
    name = f"report_{table}_{event}"
    yield f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {body} RETURN NULL; END$$"
    when = f"REFERENCING {ROWS_OF[event]} FOR EACH STATEMENT" if table in DAY_OF else OF_CUSTOMERS[event]
    yield f"CREATE TRIGGER {name} AFTER {event.upper()} ON {table} {when} EXECUTE FUNCTION {name}()"


def for_sqlite() -> Iterator[str]:
    """Give the statements that make SQLite's triggers: writers take turns, so a day that is there stays one row."""
    sides = {"insert": ("NEW",), "delete": ("OLD",), "update": ("NEW", "OLD")}
    for table in DAY_OF:
        for event, rows in sides.items():
            body = " ".join(f"{marked(table, row)};" for row in rows)
            yield f"CREATE TRIGGER report_{table}_{event} AFTER {event.upper()} ON {table} BEGIN {body} END"
    changed = "OLD.segment IS NOT NEW.segment OR OLD.language IS NOT NEW.language"
    whose = "INSERT INTO report_change (segment_of) VALUES (OLD.id)"
    yield (
        "CREATE TRIGGER report_customer_update AFTER UPDATE OF segment, language ON customer "
        f"WHEN {changed} BEGIN {whose}; END"
    )
    yield f"CREATE TRIGGER report_customer_delete AFTER DELETE ON customer BEGIN {whose}; END"


def marked(table: str, row: str) -> str:
    """Return SQLite's statement that says of a row's day that it changed, unless that is said already."""
    asked_at = f"{row}.asked_at" if table != "click" else "NULL"
    if table != "survey_request":
        asked_at = f"coalesce((SELECT asked_at FROM survey_request WHERE id = {row}.request), {asked_at})"
    day = f"substr({asked_at}, 1, 10) || 'T00:00:00.000000Z'"
    return (
        f"INSERT INTO report_change (day) SELECT x.day FROM (SELECT {day} AS day) x WHERE x.day IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM report_change WHERE report_change.day = x.day)"
    )
