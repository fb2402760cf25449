"""What keeps an installation going: clock, counters, controls, leases, outages, the audit log."""

import sqlalchemy as sa

from workers.store.tables.columns import Document, Instant, Number, metadata

clock = sa.Table(
    "clock", metadata, sa.Column("name", sa.Text(), primary_key=True), sa.Column("at", Instant(), nullable=False)
)
counter = sa.Table(
    "counter", metadata, sa.Column("name", sa.Text(), primary_key=True), sa.Column("value", Number, nullable=False)
)
ticket_numbers, agent_turns = (sa.Sequence(name, metadata=metadata) for name in ("ticket_numbers", "agent_turns"))
"""On PostgreSQL; on SQLite `counter` has a row for each."""
NEXT_OF_SEQUENCE = (
    "CREATE FUNCTION counter_from_sequence() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
    "NEW.value := nextval(CASE NEW.name WHEN 'ticket' THEN 'ticket_numbers' ELSE 'agent_turns' END); RETURN NEW; END$$"
)
COUNTED_BY_SEQUENCE = (
    "CREATE TRIGGER counter_from_sequence BEFORE UPDATE ON counter FOR EACH ROW "
    "WHEN (NEW.name IN ('ticket', 'turn')) EXECUTE FUNCTION counter_from_sequence()"
)
"""A release before counts in `counter` on PostgreSQL too, and gets the sequence's next number there."""
for statement in (NEXT_OF_SEQUENCE, COUNTED_BY_SEQUENCE):
    ddl = sa.DDL(statement).execute_if(dialect="postgresql")  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    sa.event.listen(counter, "after_create", ddl)
control = sa.Table(
    "control",
    metadata,
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Column("value", sa.Text(), nullable=False),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("by", sa.Text(), nullable=False),
)
role_lease = sa.Table(
    "role_lease",
    metadata,
    sa.Column("role", sa.Text(), primary_key=True),
    sa.Column("holder", sa.Text(), nullable=False),
    sa.Column("until", Instant(), nullable=False),
)
rate_count = sa.Table(
    "rate_count",
    metadata,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("hits", Number, nullable=False),
    sa.Column("ends_at", Instant(), nullable=False),
    sa.Index("rate_count_ended", "ends_at"),
)
outage = sa.Table(
    "outage",
    metadata,
    sa.Column("part", sa.Text(), primary_key=True),
    sa.Column("seen_by", sa.Text(), primary_key=True),
    sa.Column("since", Instant(), nullable=False),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("seen_at", Instant(), nullable=False),
)
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("by", sa.Text(), nullable=False),
    sa.Column("act", sa.Text(), nullable=False),
    sa.Column("subject", sa.Text(), nullable=False),
    sa.Column("detail", Document, nullable=False),
    sqlite_autoincrement=True,
)
running_count = sa.Table(
    "running_count",
    metadata,
    sa.Column("grouped", sa.Text(), primary_key=True),
    sa.Column("step", sa.Text(), primary_key=True),
    sa.Column("state", sa.Text(), primary_key=True),
    sa.Column("reason", sa.Text(), primary_key=True),
    sa.Column("n", Number, nullable=False),
)
count_change = sa.Table(
    "count_change",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("grouped", sa.Text(), nullable=False),
    sa.Column("step", sa.Text(), nullable=False),
    sa.Column("state", sa.Text(), nullable=False),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("n", Number, nullable=False),
    sqlite_autoincrement=True,
)
