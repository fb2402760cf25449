"""Dialogues by SMS, the messages and the replies of each.

Additive: a role of the release before goes on working with it.
"""

import sqlalchemy as sa
from alembic import op

from workers.migrations.kinds import INSTANT, KEY, NUMBER

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    op.create_table(
        "sms_dialogue",
        sa.Column("id", KEY, nullable=False),
        sa.Column("customer", KEY, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("helped", sa.Boolean(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("said_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", "customer"),
    )
    with op.batch_alter_table("sms_dialogue", schema=None) as batch_op:
        batch_op.create_index("sms_dialogue_customer", ["customer"], unique=False)
        batch_op.create_index(
            "sms_dialogue_number",
            ["number", "asked_at"],
            unique=False,
            postgresql_where=sa.text("number <> ''"),
            sqlite_where=sa.text("number <> ''"),
        )

    op.create_table(
        "sms_message",
        sa.Column("id", KEY, nullable=False),
        sa.Column("customer", KEY, nullable=False),
        sa.Column("dialogue", KEY, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("not_before", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("parts", NUMBER, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "customer"),
    )
    with op.batch_alter_table("sms_message", schema=None) as batch_op:
        batch_op.create_index("sms_message_customer", ["customer"], unique=False)
        batch_op.create_index(
            "sms_message_provider",
            ["provider_id"],
            unique=False,
            postgresql_where=sa.text("provider_id <> ''"),
            sqlite_where=sa.text("provider_id <> ''"),
        )
        batch_op.create_index(
            "sms_message_ready",
            ["not_before"],
            unique=False,
            postgresql_where=sa.text("state IN ('ready', 'sending')"),
            sqlite_where=sa.text("state IN ('ready', 'sending')"),
        )

    op.create_table(
        "sms_reply",
        sa.Column("id", KEY, nullable=False),
        sa.Column("customer", KEY, nullable=False),
        sa.Column("dialogue", KEY, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("use", sa.String(24), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "customer"),
    )
    with op.batch_alter_table("sms_reply", schema=None) as batch_op:
        batch_op.create_index("sms_reply_customer", ["customer"], unique=False)
        batch_op.create_index(
            "sms_reply_handed_over",
            ["at"],
            unique=False,
            postgresql_where=sa.text("use = 'handed_over'"),
            sqlite_where=sa.text("use = 'handed_over'"),
        )
