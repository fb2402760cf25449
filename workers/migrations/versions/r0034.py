"""Indexes of recovery surveys: what kind of question each asks, and the touchpoints of those that were not asked.

Additive: both hold few of their tables' rows, and take one look at the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.drop_index("survey_request_recovery", table_name="survey_request")
    recovery = sa.text("trigger = 'recovery'")
    for name, table, columns in (
        ("survey_request_recovery", "survey_request", ["reference", "id", "question"]),
        ("touchpoint_recovery", "touchpoint", ["state", "reason"]),
    ):
        op.create_index(name, table, columns, unique=False, postgresql_where=recovery, sqlite_where=recovery)
