"""Where a customer lives, and whether they were told of surveys or agreed to them: what the law there asks for.

Additive: a role of the release before goes on working with it, and asks as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("country", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("survey_notice_given", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("survey_consent", sa.Boolean(), nullable=True))
