"""Web roles count requests together.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT, NUMBER

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.create_table(
        "rate_count",
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("hits", NUMBER, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("rate_count", schema=None) as batch_op:
        batch_op.create_index("rate_count_ended", ["ends_at"], unique=False)
