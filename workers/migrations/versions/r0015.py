"""Since when a message waits in the outbox.

Additive: a role of the release before goes on working with it, and leaves the column empty.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("at", INSTANT, nullable=True))
