"""What a mailbox was asked is remembered under twenty digits of its keyed hash, and its key leaves the customer out.

A database of 0.1.0 has no row of it yet. On PostgreSQL the key is built beside the work (`store/operation/keys.py`).
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT, KEY

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

COLUMNS = "mailbox, request, customer, template, asked_at"
DIGITS = 20


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    shorter = f"substr(mailbox, 1, {DIGITS})"
    if op.get_bind().dialect.name != "sqlite":
        op.execute(sa.text(f"UPDATE asked_mailbox SET mailbox = {shorter} WHERE length(mailbox) > {DIGITS}"))
        return
    op.execute(sa.text("CREATE TEMP TABLE askings AS SELECT * FROM asked_mailbox"))
    op.drop_table("asked_mailbox")
    op.create_table(
        "asked_mailbox",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("request", KEY, nullable=False),
        sa.Column("customer", KEY, nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "request"),
    )
    op.create_index("asked_mailbox_customer", "asked_mailbox", ["customer"], unique=False)
    short = COLUMNS.replace("mailbox", shorter, 1)
    op.execute(sa.text(f"INSERT INTO asked_mailbox ({COLUMNS}) SELECT {short} FROM temp.askings"))
    op.execute(sa.text("DROP TABLE temp.askings"))
