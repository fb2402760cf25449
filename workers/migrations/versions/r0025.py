"""What waits is found by the index `touchpoint_waiting`; the one before it goes.

By itself, because it needs its table alone for a moment: who is met in it waits for that moment and for nothing else.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.execute(sa.text("DROP INDEX IF EXISTS touchpoint_wake"))
