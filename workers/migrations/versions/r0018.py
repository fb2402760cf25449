"""Numbers of tickets and turns of agents come from sequences, so that two who open tickets do not wait for each other.

A role of the release before goes on counting in `counter`; a trigger gives it the sequence's next number there. SQLite,
with one writer at a time, goes on counting as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SEQUENCES = {"ticket": "ticket_numbers", "turn": "agent_turns"}
FUNCTION = (
    "CREATE FUNCTION counter_from_sequence() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
    "NEW.value := nextval(CASE NEW.name WHEN 'ticket' THEN 'ticket_numbers' ELSE 'agent_turns' END); RETURN NEW; END$$"
)
TRIGGER = (
    "CREATE TRIGGER counter_from_sequence BEFORE UPDATE ON counter FOR EACH ROW "
    "WHEN (NEW.name IN ('ticket', 'turn')) EXECUTE FUNCTION counter_from_sequence()"
)


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    if op.get_bind().dialect.name == "sqlite":
        return
    for name in SEQUENCES.values():
        op.execute(sa.text(f"CREATE SEQUENCE {name}"))
    op.execute(sa.text(FUNCTION))
    op.execute(sa.text(TRIGGER))  # from here on nobody counts until this is committed
    op.execute(sa.text("INSERT INTO counter (name, value) VALUES ('ticket', 0) ON CONFLICT DO NOTHING"))
    for counter, name in SEQUENCES.items():
        op.execute(
            sa.text(f"SELECT setval('{name}', greatest(value, 1), value > 0) FROM counter WHERE name = '{counter}'")
        )
