"""Answers at places: who gave them is a customer without a name.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT, KEY, NUMBER

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.add_column("customer", sa.Column("anonymous", sa.Boolean(), nullable=True))
    op.add_column("response", sa.Column("place", sa.Text(), nullable=True))
    op.create_table(
        "place_answer",
        sa.Column("id", KEY, nullable=False),
        sa.Column("customer", KEY, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("score", NUMBER, nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "customer"),
    )
    with op.batch_alter_table("place_answer", schema=None) as batch_op:
        batch_op.create_index("place_answer_customer", ["customer"], unique=False)
        batch_op.create_index("place_answer_place", ["place", "at"], unique=False)
