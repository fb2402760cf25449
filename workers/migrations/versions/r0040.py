"""Mails are found by their customer, no more by their question as well; and when they were taken, where they were.

Each change of a mail's state writes all its indexes anew. Here for SQLite alone: on PostgreSQL `boucle migrate` builds
the one index and drops the others beside the work of roles (`store/operation/keys.py`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.execute(sa.text("DROP INDEX IF EXISTS dispatch_request"))
    op.execute(sa.text("DROP INDEX IF EXISTS dispatch_accepted"))
    taken = sa.text("accepted_at IS NOT NULL")
    op.create_index("dispatch_taken", "dispatch", ["accepted_at"], unique=False, sqlite_where=taken)
