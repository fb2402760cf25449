"""Addresses left at places: whether their owner was asked, and what the owner said.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.add_column("place_answer", sa.Column("claim", sa.Text(), nullable=True))
    op.add_column("place_answer", sa.Column("claim_key", sa.Text(), nullable=True))
    op.create_index("place_answer_claim", "place_answer", ["claim_key"], unique=False)
