"""What is away, as each role sees it.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.create_table(
        "outage",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("seen_by", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("part", "seen_by"),
    )
