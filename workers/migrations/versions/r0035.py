"""The weekly digest of who works here: their address, zone, whether they want it, and the last one that was looked at.

Additive: a small table gets columns that may be empty.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.add_column("boucle_user", sa.Column("email", sa.Text(), nullable=True))
    op.add_column("boucle_user", sa.Column("zone", sa.String(64), nullable=True))
    op.add_column("boucle_user", sa.Column("digest", sa.Boolean(), nullable=True))
    op.add_column("boucle_user", sa.Column("digest_at", INSTANT, nullable=True))
