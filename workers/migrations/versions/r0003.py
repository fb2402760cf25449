"""A dead letter keeps the size and the SHA-256 of the whole message.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import NUMBER

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.add_column(sa.Column("size", NUMBER, nullable=True))
        batch_op.add_column(sa.Column("sha256", sa.Text(), nullable=True))
