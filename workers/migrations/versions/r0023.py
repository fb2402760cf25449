"""Versions of the journey plan get short numbers, which journeys and touchpoints bear from now on.

Additive: rows bear the version itself or its number, in the column that there is. A role of the release before that
meets a number goes by the plan in use, as it does with a version that it does not know.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import NUMBER

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.create_table(
        "plan_versions",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("digest"),
    )
    op.execute(  # for the rows there are; see store/operation/long_versions.py
        sa.text(
            "INSERT INTO control (name, value, at, by) SELECT 'plan numbers', 'journey 0', min(live_from), 'boucle' "
            "FROM rule_table HAVING count(*) > 0"
        )
    )
    op.execute(
        sa.text(
            "INSERT INTO plan_versions (number, digest) "
            "SELECT row_number() OVER (ORDER BY live_from, version), version FROM rule_table WHERE name NOT LIKE '%.%'"
        )
    )
