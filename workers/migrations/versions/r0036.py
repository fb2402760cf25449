"""Cells of what followed the answers, by the day of asking, and the changes that say which days to recount for them.

Additive, as 0028: a role of the release before goes on working with it. Nothing is counted here: everything is read
from rows until the role `send` has counted each day anew. The two indexes are of tables with a row for few answers, and
find what followed the answers of a day.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT, NUMBER

revision = "0036"
down_revision = "0035"
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
"""The tables whose rows are counted by when their question was asked, and where that stands."""
THE_ANSWER = "SELECT r.response AS id FROM {rows} r"
OF_A_TICKET = "JOIN action a ON a.ticket = {ticket}"
OF_ITS_QUESTION = "JOIN survey_request r2 ON r2.id = r.request"
FOLLOWS = {
    "action": ("response, ticket", THE_ANSWER + " WHERE r.ticket IS NOT NULL"),
    "ticket": (
        "id, response",
        f"{THE_ANSWER} UNION SELECT a.response FROM {{rows}} r {OF_A_TICKET.format(ticket='r.id')}",
    ),
    "testimonial": ("response", THE_ANSWER),
    "response_theme": ("response", THE_ANSWER),
    "survey_request": ("trigger, reference", f"SELECT a.response AS id FROM {{rows}} r {OF_A_TICKET} WHERE {{again}}"),
    "response": (
        "trigger, request",
        f"SELECT a.response AS id FROM {{rows}} r {OF_ITS_QUESTION} {OF_A_TICKET} WHERE {{again}}",
    ),
}
"""The tables whose rows are counted with answers that came before them: which columns say so, and those answers.

Of recovery surveys (`again`) those are the answers that led to the ticket that they ask about.
"""
AGAIN = "r.trigger = 'recovery'"
RECOVERY_OF = {"survey_request": "r.reference", "response": "r2.reference"}
KEY_PATTERN = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
TABLES = tuple(dict.fromkeys((*DAY_OF, *FOLLOWS)))
LOCKED = ("survey_request", "response", "action", "ticket", "testimonial", "response_theme")
"""The tables whose triggers are made or changed, in the order in which every role writes them."""


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.create_table(
        "followed_cell",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("day", INSTANT, nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("more", sa.Text(), nullable=False),
        sa.Column("n", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("part", "day", "word", "more"),
    )
    op.create_index("ticket_response", "ticket", ["response"], unique=False)
    op.create_index("testimonial_response", "testimonial", ["response"], unique=False)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    if not on_sqlite:
        op.execute(sa.text(f"LOCK TABLE {', '.join(LOCKED)} IN SHARE ROW EXCLUSIVE MODE"))
    for statement in for_sqlite() if on_sqlite else for_postgresql():
        op.get_bind().exec_driver_sql(statement)
    op.execute(sa.text("INSERT INTO report_change (day, segment_of) VALUES (NULL, NULL)"))


def for_postgresql() -> Iterator[str]:
    """Give the statements that make PostgreSQL's triggers, or change what those do that are there."""
    for table in FOLLOWS:
        for event in ROWS_OF:
            name, body = f"report_{table}_{event}", " ".join(insertions(event, table))
            yield (
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
                f"AS $$BEGIN {body} RETURN NULL; END$$"
            )
            if table not in DAY_OF:
                when = f"REFERENCING {ROWS_OF[event]} FOR EACH STATEMENT"
                yield f"CREATE TRIGGER {name} AFTER {event.upper()} ON {table} {when} EXECUTE FUNCTION {name}()"


def insertions(event: str, table: str) -> Iterator[str]:
    """Give PostgreSQL's statements that say which days some rows of a table are about."""
    rows = {
        "insert": "SELECT * FROM new_rows",
        "delete": "SELECT * FROM old_rows",
        "update": "SELECT * FROM new_rows UNION ALL SELECT * FROM old_rows",
    }[event]
    begin = "INSERT INTO report_change (day) SELECT DISTINCT date_trunc('day', {at}, 'UTC') FROM "
    if table in DAY_OF:
        at, join = DAY_OF[table]
        yield f"{begin.format(at=at)}({rows}) AS r {join};"
    if table in FOLLOWS:
        reference = RECOVERY_OF.get(table, "")
        ticket = f"CASE WHEN {AGAIN} AND {reference} ~ '{KEY_PATTERN}' THEN {reference}::uuid END"
        answers = FOLLOWS[table][1].format(rows=f"({rows})", ticket=ticket, again=AGAIN)
        yield (
            f"{begin.format(at='coalesce(q.asked_at, s.asked_at)')}({answers}) AS x "
            "JOIN response s ON s.id = x.id LEFT JOIN survey_request q ON q.id = s.request;"
        )


def for_sqlite() -> Iterator[str]:
    """Give the statements that make SQLite's triggers anew."""
    sides = {"insert": ("NEW",), "delete": ("OLD",), "update": ("NEW", "OLD")}
    for table in TABLES:
        for event, rows in sides.items():
            body = " ".join(f"{statement};" for row in rows for statement in marked(table, row))
            yield f"DROP TRIGGER IF EXISTS report_{table}_{event}"
            yield f"CREATE TRIGGER report_{table}_{event} AFTER {event.upper()} ON {table} BEGIN {body} END"


def marked(table: str, row: str) -> Iterator[str]:
    """Give SQLite's statements that say of the days a row is about that they changed, unless that is said already."""
    if table in DAY_OF:
        asked_at = f"{row}.asked_at" if table != "click" else "NULL"
        if table != "survey_request":
            asked_at = f"coalesce((SELECT asked_at FROM survey_request WHERE id = {row}.request), {asked_at})"
        yield marking(f"SELECT {asked_at} AS at")
    if table in FOLLOWS:
        columns, answers = FOLLOWS[table]
        shown = ", ".join(f"{row}.{name} AS {name}" for name in columns.split(", "))
        followed = answers.format(rows=f"(SELECT {shown})", ticket=RECOVERY_OF.get(table, ""), again=AGAIN)
        yield marking(
            f"SELECT coalesce(q.asked_at, s.asked_at) AS at FROM response s LEFT JOIN survey_request q "
            f"ON q.id = s.request WHERE s.id IN ({followed})"
        )


def marking(instants: str) -> str:
    """Return SQLite's statement that says of the days of some instants that they changed."""
    day = "substr(y.at, 1, 10) || 'T00:00:00.000000Z'"
    return (
        f"INSERT INTO report_change (day) SELECT DISTINCT x.day FROM (SELECT {day} AS day FROM ({instants}) y) x "
        "WHERE x.day IS NOT NULL AND NOT EXISTS (SELECT 1 FROM report_change WHERE report_change.day = x.day)"
    )
