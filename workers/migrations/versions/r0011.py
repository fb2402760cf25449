"""What each mailbox was asked, so that the rest period holds for a person.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT, KEY

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.create_table(
        "asked_mailbox",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("request", KEY, nullable=False),
        sa.Column("customer", KEY, nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "request"),
    )
    with op.batch_alter_table("asked_mailbox", schema=None) as batch_op:
        batch_op.create_index("asked_mailbox_customer", ["customer"], unique=False)
