"""The addresses that a customer had before.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT, KEY

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.create_table(
        "former_address",
        sa.Column("customer", KEY, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("customer", "address"),
    )
