"""What the journey plan asked about a customer when a touchpoint was asked or skipped.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import DOCUMENT

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    with op.batch_alter_table("touchpoint", schema=None) as batch_op:
        batch_op.add_column(sa.Column("inputs", DOCUMENT, nullable=True))
