"""Brings the keys of a database on PostgreSQL to what the tables say, while roles go on reading and writing.

So it does with new indexes of large tables, and with old ones that nothing uses any more. A key is built beside the old
one, without a lock that anybody waits for, and takes its place in a moment. It may be stopped anywhere and run again:
what is there already is seen, and a key that was half built is built anew. SQLite's keys are made by the revisions.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from workers.errors import NotNow
from workers.store.engine import Store
from workers.store.operation.giving_way import PAUSE_SECONDS, TRIES, give_way, met_others
from workers.store.tables.placement import PLACED

log = logging.getLogger(__name__)
AT_ONCE = 10_000
"""Rows up to which a table gets its keys in the place of the old ones at once: some hundredths of a second."""
BUILDING = 0x626F756B
"""PostgreSQL's lock that whoever builds keys takes turns by ("bouk")."""
PRIMARY, UNIQUE, INDEX, PLAIN = "PRIMARY KEY", "UNIQUE", "UNIQUE INDEX", "INDEX"
ADDED = frozenset({"dispatch_taken"})
"""Indexes without a key that are built here as well, because a revision would stop the writers of a large table."""
RETIRED: Mapping[str, int] = {"dispatch_accepted": 0, "dispatch_request": 40}
"""Indexes that no statement of ours uses, and the schema that a database must have had before `boucle migrate` ran for
them to go: roles of the release before may use them until then."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key as a table should have it: a constraint, or an index over a part of the rows."""

    table: str
    name: str
    kind: str
    columns: tuple[str, ...]
    condition: str = ""

    @property
    def next(self) -> str:
        """Return the name under which the key is built."""
        return f"{self.name}_next"

    @property
    def listed(self) -> str:
        """Return the columns and the condition, as CREATE INDEX takes them."""
        columns = ", ".join(f'"{name}"' for name in self.columns)
        return f"({columns}){f' WHERE {self.condition}' if self.condition else ''}"

    def build(self, how: str = "") -> str:
        """Return the statement that builds the key beside the old one."""
        kind = PLAIN if self.kind == PLAIN else INDEX
        return f'CREATE {kind} {how} "{self.next}" ON "{self.table}" {self.listed}'

    def exchange(self) -> Iterator[str]:
        """Give the statements that put what was built in the old key's place."""
        if self.kind in (INDEX, PLAIN):
            yield f'DROP INDEX IF EXISTS "{self.name}"'
            yield f'ALTER INDEX "{self.next}" RENAME TO "{self.name}"'
        else:
            added = f'ADD CONSTRAINT "{self.name}" {self.kind} USING INDEX "{self.next}"'
            yield f'ALTER TABLE "{self.table}" DROP CONSTRAINT "{self.name}", {added}'


def wanted_keys() -> Iterator[Key]:
    """Give every unique key of the tables whose rows are placed, and the indexes of `ADDED`."""
    for table in PLACED:
        yield Key(table.name, f"{table.name}_pkey", PRIMARY, tuple(table.primary_key.columns.keys()))
        for constraint in sorted(table.constraints, key=lambda each: str(each.name)):
            if isinstance(constraint, sa.UniqueConstraint):
                yield Key(table.name, str(constraint.name), UNIQUE, tuple(constraint.columns.keys()))
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            if index.unique or index.name in ADDED:
                condition, kind = index.dialect_options["postgresql"]["where"], INDEX if index.unique else PLAIN
                yield Key(table.name, str(index.name), kind, tuple(index.columns.keys()), str(condition))


COLUMNS_OF_INDEXES = sa.text("""
    SELECT named.relname, indexed.indisvalid,
           ARRAY(SELECT a.attname::text FROM unnest(indexed.indkey) WITH ORDINALITY AS k(number, place)
                 JOIN pg_attribute AS a ON a.attrelid = indexed.indrelid AND a.attnum = k.number ORDER BY k.place)
    FROM pg_index AS indexed
    JOIN pg_class AS named ON named.oid = indexed.indexrelid
    JOIN pg_namespace AS n ON n.oid = named.relnamespace
    WHERE n.nspname = current_schema()""")


def indexes_in(connection: Connection) -> dict[str, tuple[bool, tuple[str, ...]]]:
    """Return by name whether each index is whole, and its columns in order."""
    rows = connection.execute(COLUMNS_OF_INDEXES)
    return {str(name): (bool(valid), tuple(columns)) for name, valid, columns in rows}


def keys_left(connection: Connection) -> list[Key]:
    """Return the keys that a database has otherwise than the tables say; none on SQLite."""
    if connection.dialect.name == "sqlite":
        return []
    present = indexes_in(connection)
    return [
        key
        for key in wanted_keys()
        if (present[key.name][1] != key.columns if key.name in present else key.name in ADDED)
    ]


def build_keys(store: Store, at_once: int = AT_ONCE) -> list[str]:
    """Give every table its keys and return the names of those that were built, none where all are right. Idempotent.

    Raises NotNow when somebody else is at it, or an exchange never gets its lock. Nobody waits longer than
    `LOCK_SECONDS` for it, however large a table is.
    """
    if store.sqlite:
        return []
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        left = keys_left(connection)
        if not left:
            return []
        unhurried(connection)
        try:
            take_turn(connection)
            for key in keys_left(connection):
                build_key(connection, key, at_once)
                log.info("key built", extra={"action": "migrate.key", "table": key.table, "key": key.name})
        finally:
            connection.invalidate()  # ends the session: its lock and its patience are nobody else's
    return [key.name for key in left]


def drop_retired(store: Store, found: int) -> list[str]:
    """Drop the indexes that nothing uses any more and return their names; `found` is the schema that was there before
    this run of `boucle migrate`, 0 for an empty database. Idempotent. Raises NotNow."""
    if store.sqlite:
        return []
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        present = indexes_in(connection)
        useless = [name for name, schema in RETIRED.items() if name in present and (found >= schema or not found)]
        for name in useless:
            exchange(connection, [f'DROP INDEX IF EXISTS "{name}"'])
            log.info("index dropped", extra={"action": "migrate.key", "key": name})
    return useless


def take_turn(connection: Connection) -> None:
    """Wait until nobody else builds keys: by asking again, because who waits in a statement keeps an index from it.

    Raises NotNow when somebody still does after TRIES looks.
    """
    for _ in range(TRIES):
        if connection.execute(sa.select(sa.func.pg_try_advisory_lock(BUILDING))).scalar():
            return
        time.sleep(PAUSE_SECONDS)
    raise NotNow("Somebody else builds the keys: run `boucle migrate` again when that is done.")


def unhurried(connection: Connection) -> None:
    """Let the statements of a session take their time: an index over ten million rows takes minutes."""
    connection.exec_driver_sql("SET statement_timeout = 0")
    connection.exec_driver_sql("SET lock_timeout = 0")
    driven = connection.connection.dbapi_connection
    if hasattr(driven, "longest"):
        driven.longest = None  # type: ignore[union-attr]  # a PatientConnection


def build_key(connection: Connection, key: Key, at_once: int) -> None:
    """Build one key and put it in the old one's place."""
    beside = "" if is_divided(connection, key.table) else "CONCURRENTLY"
    if key.next in indexes_in(connection):  # left by a run that was stopped; whether whole or not is soon seen
        connection.exec_driver_sql(f'DROP INDEX {beside} "{key.next}"')
    few = f'SELECT count(*) FROM (SELECT 1 FROM "{key.table}" LIMIT {at_once + 1}) AS first_ones'
    if int(connection.exec_driver_sql(few).scalar_one()) <= at_once:
        exchange(connection, [key.build(), *key.exchange()])
        return
    connection.exec_driver_sql(key.build(beside))
    for statement in required(connection, key):
        exchange(connection, [statement])
    exchange(connection, list(key.exchange()))


def is_divided(connection: Connection, table: str) -> bool:
    """Tell whether a table has partitions, of which PostgreSQL builds no index beside the work."""
    divided = sa.text("SELECT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = CAST(:name AS regclass))")
    return bool(connection.execute(divided, {"name": table}).scalar_one())


def required(connection: Connection, key: Key) -> Iterator[str]:
    """Give the statements after which the columns of a primary key may not be empty, without a look at all rows under
    a lock: the check is proven beside the work."""
    if key.kind != PRIMARY:
        return
    columns = sa.inspect(connection).get_columns(key.table)
    for name in [column["name"] for column in columns if column["nullable"] and column["name"] in key.columns]:
        check = f"{key.table}_{name}_given"
        yield f'ALTER TABLE "{key.table}" DROP CONSTRAINT IF EXISTS {check}'
        yield f'ALTER TABLE "{key.table}" ADD CONSTRAINT {check} CHECK ("{name}" IS NOT NULL) NOT VALID'
        yield f'ALTER TABLE "{key.table}" VALIDATE CONSTRAINT {check}'
        yield f'ALTER TABLE "{key.table}" ALTER COLUMN "{name}" SET NOT NULL'
        yield f'ALTER TABLE "{key.table}" DROP CONSTRAINT {check}'


def exchange(connection: Connection, statements: list[str]) -> None:
    """Run statements in one transaction that gives its locks up rather than have everybody wait behind it.

    Raises NotNow when others held the tables at each of TRIES tries, and OperationalError for any other fault.
    """
    for left in reversed(range(TRIES)):
        try:
            connection.exec_driver_sql("BEGIN")
            give_way(connection)
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql("COMMIT")
        except OperationalError as error:
            if not met_others(error):
                raise
            connection.exec_driver_sql("ROLLBACK")
            if not left:
                raise NotNow("Other transactions hold the tables: run `boucle migrate` again.") from error
            time.sleep(PAUSE_SECONDS)
        else:
            return
