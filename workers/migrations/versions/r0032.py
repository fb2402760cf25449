"""Indexes of the report's loop: the recovery surveys by the ticket that they ask about, and the tickets of answers.

Additive: both hold few of their tables' rows, and take one look at the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    recovery, with_ticket = sa.text("trigger = 'recovery'"), sa.text("ticket IS NOT NULL")
    for name, table, columns, condition in (
        ("survey_request_recovery", "survey_request", ["reference", "id"], recovery),
        ("action_ticket", "action", ["ticket", "response"], with_ticket),
    ):
        op.create_index(name, table, columns, unique=False, postgresql_where=condition, sqlite_where=condition)
