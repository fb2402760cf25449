"""An index of the customers who were erased, whom the report's movements leave out: few among all others.

Additive: one look at the table of customers.
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    erased = sa.text("erased_at IS NOT NULL")
    op.create_index("customer_erased", "customer", ["id"], unique=False, postgresql_where=erased, sqlite_where=erased)
