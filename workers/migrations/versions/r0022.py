"""Each question keeps the wording that it was asked in, and each wording from when on it was in use.

Additive: a role of the release before goes on working with it; what it asks counts as asked in the first wording.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import DOCUMENT, INSTANT

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.create_table(
        "wording",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("used_from", INSTANT, nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("texts", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", "used_from"),
    )
    with op.batch_alter_table("survey_request", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wording", sa.Text(), nullable=True))
