"""Migrating: brings a database to the schema this release needs. Roles need `schema >= minimum`, never equality."""

import sqlalchemy as sa

from workers.settings import Settings
from workers.store import tables
from workers.store.engine import Store
from workers.words import Misconfigured

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


def require(store: Store, settings: Settings, *, may_migrate: bool) -> None:
    """See that the database's schema is new enough; the embedded database is brought up to date by itself.

    Raises Misconfigured when somebody must run `boucle migrate` first.
    """
    if schema_of(store) >= MINIMUM:
        return
    if store.sqlite and may_migrate:
        migrate(store)
        return
    raise Misconfigured([f"The database has no schema {MINIMUM} or later yet: run `boucle migrate`."])
