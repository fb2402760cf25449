"""Where in a file a dead letter stood.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import NUMBER

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.add_column(sa.Column("file", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("line", NUMBER, nullable=True))
        batch_op.add_column(sa.Column("column", sa.Text(), nullable=True))
