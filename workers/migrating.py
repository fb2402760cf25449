"""Migrating: brings a database to the schema this release needs. Roles need `schema >= minimum`, never equality."""

import sqlalchemy as sa

from workers.store import tables
from workers.store.engine import Store

SCHEMA = 1
"""The schema this release makes."""
MINIMUM = 1
"""The oldest schema this release runs on."""


def migrate(store: Store) -> int:
    """Create what is missing and return the schema's number. Idempotent."""
    with store.engine.begin() as connection:
        tables.metadata.create_all(connection)
    return SCHEMA


def schema_of(store: Store) -> int:
    """Return the schema's number of a database; 0 for an empty one."""
    return SCHEMA if sa.inspect(store.engine).has_table("inbox") else 0
