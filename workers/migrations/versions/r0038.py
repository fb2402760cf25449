"""Answers at places: what each was asked, where that is not the NPS.

Additive: answers of before are of the NPS, as is a row that names nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.add_column("place_answer", sa.Column("question", sa.Text(), nullable=True))
