"""Dead letters are looked through after an erasure, apart from it.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import DOCUMENT, INSTANT, KEY, NUMBER

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.create_table(
        "letter_search",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("whom", DOCUMENT, nullable=False),
        sa.Column("after", KEY, nullable=True),
        sa.Column("gone", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
