"""What PostgreSQL knows of the values in each column, by which it chooses how to read.

It learns that by itself minutes after many rows of a table have changed. A column that a migration adds changes no row,
so it may stay unknown for weeks: whoever migrates has its table looked at. SQLite chooses by its indexes alone.
"""

from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store.engine import Store

UNKNOWN = sa.text(
    """SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
    AND a.attnum > 0 AND NOT a.attisdropped
    AND NOT EXISTS (
        SELECT FROM pg_stats s
        WHERE s.schemaname = current_schema() AND s.tablename = c.relname AND s.attname = a.attname
    )
    AND pg_relation_size(c.oid)
        + COALESCE((SELECT sum(pg_relation_size(p.relid)) FROM pg_partition_tree(c.oid) AS p), 0) > 0
    ORDER BY c.relname"""
)
"""Tables with rows of which a column is unknown; a table of partitions is never looked at unasked."""


def unknown_tables(connection: Connection) -> list[str]:
    """Return the tables with rows of which some column is unknown; none on SQLite."""
    return list(connection.execute(UNKNOWN).scalars()) if connection.dialect.name == "postgresql" else []


def look_at_new_columns(store: Store) -> list[str]:
    """Have PostgreSQL look at each table of which it does not know a column, and return them. Idempotent.

    It reads a sample, and holds up nobody who reads or writes. Raises NotNow.
    """
    with store.reading() as connection:
        names = unknown_tables(connection)
    for name in names:
        store.write(partial(look_at, name), patient=True)
    return names


def look_at(table: str, connection: Connection) -> None:
    """Have PostgreSQL learn what a table holds."""
    connection.exec_driver_sql(f'ANALYZE "{table}"')
