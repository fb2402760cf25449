"""The company that a customer answers for, as a key to find all of its people by.

Additive: a role of the release before goes on working with it, and keeps no account.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("account", sa.Text(), nullable=True))
    op.create_index(  # of no row yet, so it takes one look at the table
        "customer_account",
        "customer",
        ["account"],
        unique=False,
        postgresql_where=sa.text("account IS NOT NULL"),
        sqlite_where=sa.text("account IS NOT NULL"),
    )
