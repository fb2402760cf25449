"""What customers name as the reason for their score, and what passives write of another company.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.add_column(sa.Column("drivers", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("competitor", sa.Text(), nullable=True))
    with op.batch_alter_table("response_revision", schema=None) as batch_op:
        batch_op.add_column(sa.Column("drivers", sa.Text(), nullable=True))
