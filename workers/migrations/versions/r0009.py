"""Clicks and consents are found by their customer.

Additive: a role of the release before goes on working with it.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    with op.batch_alter_table("click", schema=None) as batch_op:
        batch_op.create_index("click_customer", ["customer"], unique=False)

    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index("consent_customer", ["customer"], unique=False)
