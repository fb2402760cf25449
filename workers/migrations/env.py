"""Alembic's entry: runs the revisions on the connection that the caller holds, in the caller's transaction.

Opens no connection and reads no ini file: `usecases/operation/migrate.py` and `migrations/__main__.py` give both.
"""

from alembic import context

from workers.migrations.kinds import named
from workers.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_item=named,
    render_as_batch=True,  # SQLite changes a column by copying its table
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
