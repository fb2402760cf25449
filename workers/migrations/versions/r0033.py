"""What a question measures, at the request, the answer and the ticket; what is no NPS question is found by an index.

Additive: a role of the release before goes on working with it. The indexes are empty: to make them the tables are read
once, some seconds for ten million rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.add_column(sa.Column("question", sa.Text(), nullable=True))

    with op.batch_alter_table("survey_request", schema=None) as batch_op:
        batch_op.add_column(sa.Column("question", sa.Text(), nullable=True))

    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.add_column(sa.Column("question", sa.Text(), nullable=True))

    rated = sa.text("question IS NOT NULL")
    for table in ("response", "survey_request"):
        op.create_index(f"{table}_rated", table, ["question", "asked_at"], postgresql_where=rated, sqlite_where=rated)
