"""On SQLite touchpoints are found by their journeys, which are found by the customer: their index by customer goes.

It was written for each new touchpoint, on a page of its own each time that goes to the log whole. PostgreSQL keeps it:
there it costs less than looking each journey up.
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(sa.text("DROP INDEX IF EXISTS touchpoint_customer"))
