"""Gives rows of a release before the number of their plan's version in place of 64 digits, beside the work of roles.

Some pages of a table in each transaction, from its beginning to its end, and the control `LEFT_AT` says how far that
has come: stopped anywhere, it goes on there. It passes over rows that somebody else holds, so it waits for nobody, and
nobody waits for more than one batch. A row that it has passed, or that a role of the release before writes, keeps its
digits: both ways of naming a version are read alike.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables as t
from workers.store.controls import clear_control, read_controls
from workers.store.engine import Store

LEFT_AT = "plan numbers"
"""The control that says at which table, and where in it, the next batch begins: revision 0023 sets it where there are
rows of before, and it goes when all of them were gone through."""
TABLES = ("journey", "touchpoint")
PAGES, ROWS = 256, 5_000
"""What a batch goes through: pages of PostgreSQL, row numbers of SQLite."""

SHORTEN = """
    WITH few AS MATERIALIZED (
        SELECT old.tableoid AS part, old.ctid AS place, v.number FROM "{table}" AS old
        JOIN plan_versions AS v ON v.digest = old.plan_version
        WHERE old.ctid >= CAST(:begin AS tid) AND old.ctid < CAST(:end AS tid)
        FOR UPDATE OF old SKIP LOCKED)
    UPDATE "{table}" AS old SET plan_version = CAST(few.number AS text) FROM few
    WHERE old.tableoid = few.part AND old.ctid = few.place
        AND old.ctid >= CAST(:begin AS tid) AND old.ctid < CAST(:end AS tid)"""
PAGES_OF = """
    SELECT max(pg_relation_size(part)) / current_setting('block_size')::bigint
    FROM (SELECT CAST(:table AS regclass) UNION SELECT relid FROM pg_partition_tree(CAST(:table AS regclass)))
        AS parts (part)"""
SHORTEN_ON_SQLITE = """
    UPDATE "{table}" SET plan_version = (
        SELECT CAST(v.number AS text) FROM plan_versions AS v WHERE v.digest = plan_version)
    WHERE rowid >= CAST(:begin AS integer) AND rowid < CAST(:end AS integer)
        AND plan_version IN (SELECT digest FROM plan_versions)"""
ROWS_OF = 'SELECT COALESCE(max(rowid), -1) + 1 FROM "{table}"'


def shorten_versions(store: Store) -> int:
    """Go on until every table has been gone through, and return how many rows were changed. Idempotent.

    Raises NotNow when the database is away.
    """
    total = 0
    while (changed := store.write(shorten_some)) is not None:
        total += changed
    return total


def shorten_some(connection: Connection) -> int | None:
    """Go through the next pages; return how many rows were changed, None when all has been gone through."""
    left_at = read_controls(connection).get(LEFT_AT)
    if left_at is None:
        return None
    table, _, begin = left_at.partition(" ")
    changed, end, last = 0, int(begin) + (ROWS if on_sqlite(connection) else PAGES), size_of(connection, table)
    if int(begin) < last:
        changed = shorten(connection, table, int(begin), end)
    following = f"{table} {end}" if end < last else beginning_of_next(table)
    if following:
        connection.execute(sa.update(t.control).where(t.control.c.name == LEFT_AT).values(value=following))
    else:
        clear_control(connection, LEFT_AT)
    return changed


def shorten(connection: Connection, table: str, begin: int, end: int) -> int:
    """Give the rows of some pages their numbers, and return how many that were."""
    statement, place = (SHORTEN_ON_SQLITE, "{}") if on_sqlite(connection) else (SHORTEN, "({},0)")
    places = {"begin": place.format(begin), "end": place.format(end)}
    return connection.execute(sa.text(statement.format(table=table)), places).rowcount


def size_of(connection: Connection, table: str) -> int:
    """Return how far a table reaches, in what a batch counts: pages, of its longest partition, or row numbers."""
    if on_sqlite(connection):
        return int(connection.execute(sa.text(ROWS_OF.format(table=table))).scalar_one())
    return int(connection.execute(sa.text(PAGES_OF), {"table": table}).scalar_one())


def beginning_of_next(table: str) -> str:
    """Return where the batch after a table's last begins, or nothing when that was the last table."""
    rest = TABLES[TABLES.index(table) + 1 :]
    return f"{rest[0]} 0" if rest else ""


def on_sqlite(connection: Connection) -> bool:
    """Tell which of the two ways a database goes."""
    return connection.dialect.name == "sqlite"
