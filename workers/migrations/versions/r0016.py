"""Running counts, kept by triggers, and the indexes that the pages of an operator read by.

Additive: a role of the release before goes on working with it, and its rows are counted as well. On PostgreSQL writers
wait while the rows there are counted once, some ten seconds for ten million touchpoints.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import NUMBER

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KEYS = "grouped, step, state, reason"
COUNTED = (
    ("events", "inbox", "", "", ""),
    ("touchpoints", "touchpoint", "step", "state", "reason"),
    *(
        (group, table, "", "state", "")
        for group, table in (
            ("survey_requests", "survey_request"),
            ("responses", "response"),
            ("decisions", "decision"),
            ("actions", "action"),
            ("dispatches", "dispatch"),
            ("tickets", "ticket"),
            ("testimonials", "testimonial"),
            ("dead_letters", "dead_letter"),
        )
    ),
)
"""Group, table, and the columns of step, state and reason."""
LOCKED = (
    "inbox",
    "dead_letter",
    "touchpoint",
    "survey_request",
    "response",
    "decision",
    "action",
    "dispatch",
    "ticket",
    "testimonial",
)
"""The tables that are counted, in the order in which every role writes them."""


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    if not on_sqlite:  # at once, in the order in which roles write: nobody is met in the middle of the counting
        op.execute(sa.text(f"LOCK TABLE {', '.join(LOCKED)} IN SHARE ROW EXCLUSIVE MODE"))
    op.create_table(
        "count_change",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("grouped", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("n", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "running_count",
        sa.Column("grouped", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("n", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("grouped", "step", "state", "reason"),
    )
    make_indexes()
    for one in COUNTED:
        for statement in on_sqlite_count(one) if on_sqlite else on_postgresql_count(one):
            op.execute(sa.text(statement))
        keys = values(one)
        op.execute(
            sa.text(f"INSERT INTO running_count ({KEYS}, n) SELECT {keys}, count(*) FROM {one[1]} GROUP BY 1, 2, 3, 4")
        )


def make_indexes() -> None:
    """Make the indexes of the queue's page and of the report's period.

    What waits is found by `touchpoint_waiting`, which says all that `touchpoint_wake` did: revision 0025 drops that.
    """
    waiting = sa.text("state IN ('planned', 'held')")
    held = sa.text("state = 'held'")
    left_out = sa.text("state IN ('skipped', 'cancelled')")
    made: tuple[tuple[str, str, list[str], sa.TextClause | None], ...] = (
        ("touchpoint_waiting", "touchpoint", ["wake_at", "state", "step"], waiting),
        ("touchpoint_held", "touchpoint", ["step", "reason", "detail"], held),
        ("touchpoint_left_out", "touchpoint", ["changed_at", "step", "state", "reason"], left_out),
        ("survey_request_asked", "survey_request", ["asked_at"], None),
        ("response_asked", "response", ["asked_at"], None),
    )
    for name, table, columns, condition in made:
        op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)


def values(one: tuple[str, ...], row: str = "") -> str:
    """Return the values of the four keys, of a row where one is named."""
    dot = f"{row}." if row else ""
    return ", ".join([f"'{one[0]}'", *(f"{dot}{name}" if name else "''" for name in one[2:])])


def on_sqlite_count(one: tuple[str, ...]) -> Iterator[str]:
    """Give the statements that make SQLite's triggers: one upsert for each row that comes, goes or changes cell."""
    table = one[1]
    up = upsert(values(one, "NEW"), 1)
    down = upsert(values(one, "OLD"), -1)
    names = [name for name in one[2:] if name]
    yield f"CREATE TRIGGER count_{table}_insert AFTER INSERT ON {table} BEGIN {up}; END"
    yield f"CREATE TRIGGER count_{table}_delete AFTER DELETE ON {table} BEGIN {down}; END"
    if names:
        moved = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in names)
        head = f"CREATE TRIGGER count_{table}_update AFTER UPDATE OF {', '.join(names)} ON {table}"
        yield f"{head} WHEN {moved} BEGIN {down}; {up}; END"


def upsert(keys: str, by: int) -> str:
    """Return SQLite's statement that changes a count."""
    return (
        f"INSERT INTO running_count ({KEYS}, n) VALUES ({keys}, {by}) ON CONFLICT ({KEYS}) DO UPDATE SET n = n + ({by})"
    )


def on_postgresql_count(one: tuple[str, ...]) -> Iterator[str]:
    """Give the statements that make PostgreSQL's triggers: for each statement one insert of what it changed."""
    table, keys = one[1], values(one)
    head = f"INSERT INTO count_change ({KEYS}, n)"
    grouped = "GROUP BY 1, 2, 3, 4"
    both = f"SELECT {keys}, 1 FROM new_rows UNION ALL SELECT {keys}, -1 FROM old_rows"
    bodies = {
        "insert": f"{head} SELECT {keys}, count(*) FROM new_rows {grouped};",
        "delete": f"{head} SELECT {keys}, -count(*) FROM old_rows {grouped};",
        "update": f"{head} SELECT {KEYS}, sum(n) FROM ({both}) AS x ({KEYS}, n) {grouped} HAVING sum(n) <> 0;",
    }
    rows = {
        "insert": "NEW TABLE AS new_rows",
        "delete": "OLD TABLE AS old_rows",
        "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    }
    for event, body in bodies.items():
        if event == "update" and not one[3]:
            continue
        name = f"count_{table}_{event}"
        yield (f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {body} RETURN NULL; END$$")
        yield (
            f"CREATE TRIGGER {name} AFTER {event.upper()} ON {table} REFERENCING {rows[event]} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )
