"""Shares of a wave: how far it has come in each part of the customers.

Additive: a role of the release before goes through a wave by its own cursor, and plans nobody twice.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT, NUMBER

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.create_table(
        "wave_share",
        sa.Column("wave", sa.Text(), nullable=False),
        sa.Column("share", NUMBER, autoincrement=False, nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("wave", "share"),
    )
