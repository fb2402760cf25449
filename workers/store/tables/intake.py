"""What came in: events, dead letters, consumed positions; and what waits to go out."""

import sqlalchemy as sa

from workers.domain import records
from workers.store.tables.columns import Instant, Number, metadata, table

inbox = table(records.Inbox, sa.Index("inbox_received", "received_at"), sa.Index("inbox_customer", "customer"))
dead_letter = table(records.DeadLetter, sa.Index("dead_letter_state", "state", "received_at"))
consumed = sa.Table(
    "consumed",
    metadata,
    sa.Column("cluster", sa.Text(), primary_key=True),
    sa.Column("topic_id", sa.Text(), primary_key=True),
    sa.Column("partition", Number, primary_key=True),
    sa.Column("first", Number, primary_key=True),
    sa.Column("last", Number, nullable=False),
)
received = sa.Table(
    "received",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("door", sa.Text(), nullable=False),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("events", Number, nullable=False),
    sa.Column("accepted", Number, nullable=False),
    sa.Column("duplicates", Number, nullable=False),
    sa.Column("dead_letters", Number, nullable=False),
    sqlite_autoincrement=True,
)
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("topic", sa.Text(), nullable=False),
    sa.Column("key", sa.Text(), nullable=False),
    sa.Column("value", sa.LargeBinary(), nullable=False),
    sa.Column("at", Instant()),  # by the database's own clock; none in what a release before left
    sqlite_autoincrement=True,
)
