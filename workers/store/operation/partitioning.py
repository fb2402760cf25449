"""Scripts that divide the tables by customer: PostgreSQL's own hash partitions, or Citus. Text only; runs nothing.

Both are made from the tables and from `tables/placement.py`, so that they are those of this release. Whoever owns the
tables runs them with psql while no role runs: every divided table is made anew, filled from the old one, and takes its
name. The old ones stay in a schema of their own until somebody has looked and drops it.
"""

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from workers.store import tables as t
from workers.store.counts import report_changes, running_counts
from workers.store.tables.placement import BY_CUSTOMER, BY_LOOKUP, EVERYWHERE, PLACED

WHOLE = "boucle_whole"
"""The schema into which the tables go that were one."""
MOST = 1_024
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
CORE = "customer"
"""The table whose distribution all other core tables follow."""


def hash_partitions(count: int) -> Iterator[str]:
    """Give the statements that divide the tables into hash partitions, in one transaction. Raises ValueError."""
    if not 2 <= count <= MOST:
        raise ValueError(f"A table is divided into 2 to {MOST} partitions, not {count}.")
    yield "BEGIN"
    yield refused_where(
        "EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = 'customer'::regclass)",
        "the tables are divided already",
    )
    yield refused_where(
        "NOT EXISTS (SELECT FROM pg_indexes WHERE schemaname = current_schema() "
        "AND indexname = 'dispatch_pkey' AND indexdef LIKE '%(id, customer)')",
        "the keys are not those of this release: run boucle migrate first",
    )
    yield f"CREATE SCHEMA {WHOLE}"
    for table, column in PLACED.items():
        yield f'ALTER TABLE "{table.name}" SET SCHEMA {WHOLE}'
        yield from divided(table, column, count)
        yield from filled(table)
    for table in PLACED:
        yield from (text_of(CreateIndex(index)) for index in indexes_of(table))
    yield owners_of_bodies()
    yield from triggers()
    yield "COMMIT"
    for table in PLACED:
        yield f'ANALYZE "{table.name}"'


def refused_where(condition: str, why: str) -> str:
    """Return the statement that ends the script where a condition holds."""
    return f"DO $$ BEGIN IF {condition} THEN RAISE EXCEPTION '{why}'; END IF; END $$"


def divided(table: sa.Table, column: str, count: int) -> Iterator[str]:
    """Give the statements that make a table in so many partitions."""
    yield f'{text_of(CreateTable(table))} PARTITION BY HASH ("{column}")'
    digits = len(str(count - 1))
    for number in range(count):
        name = f"{table.name}_{number:0{digits}}"
        bound = f"WITH (MODULUS {count}, REMAINDER {number})"
        yield f'CREATE TABLE "{name}" PARTITION OF "{table.name}" FOR VALUES {bound}'


def filled(table: sa.Table) -> Iterator[str]:
    """Give the statement that fills a table from the one that was whole."""
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    yield f'INSERT INTO "{table.name}" ({columns}) SELECT {columns} FROM {WHOLE}."{table.name}"'


def indexes_of(table: sa.Table) -> list[sa.Index]:
    """Return a table's indexes by name."""
    return sorted(table.indexes, key=lambda index: str(index.name))


def owners_of_bodies() -> str:
    """Return the statement that tells whose those mails are whose texts a release before kept."""
    return (
        "UPDATE dispatch_body SET customer = dispatch.customer FROM dispatch "
        f"WHERE dispatch.id = dispatch_body.dispatch AND dispatch_body.customer = '{t.NOBODY}'"
    )


def triggers() -> Iterator[str]:
    """Give the statements that make the triggers of the counts on the divided tables; their functions stay."""
    divided = {table.name for table in PLACED}
    yield from (trigger.statement for trigger in counting_triggers() if trigger.table in divided)


def counting_triggers() -> Iterator[running_counts.Trigger]:
    """Give the triggers that count the rows of divided tables, and those that say what the report must recount."""
    names = {table.name for table in PLACED}
    for counted in running_counts.COUNTED:
        yield from (trigger for _, trigger in running_counts.triggers_of(counted) if counted.table in names)
    yield from report_changes.triggers()


def citus() -> Iterator[str]:
    """Give the statements that divide the tables over the machines of a Citus cluster, run on its coordinator.

    The core lies together by customer, what is looked up otherwise by that, small tables are on every machine, and what
    comes in and goes out stays on the coordinator. Triggers cannot stay on divided tables: the running counts are
    rebuilt now and then by `boucle counts rebuild`, and the report reads rows.
    """
    yield refused_where("NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')", "this database has no Citus")
    yield owners_of_bodies()
    for trigger in counting_triggers():
        yield f'DROP TRIGGER {trigger.name} ON "{trigger.table}"'
    yield "INSERT INTO report_change (day, segment_of) VALUES (NULL, NULL)"
    yield f"SELECT create_distributed_table('{CORE}', '{BY_CUSTOMER[t.customer]}')"
    for table, column in BY_CUSTOMER.items():
        if table.name != CORE:
            yield f"SELECT create_distributed_table('{table.name}', '{column}', colocate_with => '{CORE}')"
    for table, column in BY_LOOKUP.items():
        yield f"SELECT create_distributed_table('{table.name}', '{column}', colocate_with => 'none')"
    for table in EVERYWHERE:
        yield f"SELECT create_reference_table('{table.name}')"


def text_of(statement: sa.schema.ExecutableDDLElement) -> str:
    """Return a statement as PostgreSQL reads it, on one line."""
    return " ".join(str(statement.compile(dialect=DIALECT)).split())


def as_script(statements: Iterable[str]) -> str:
    """Return statements as a script for psql, which stops at the first that fails."""
    return "\\set ON_ERROR_STOP on\n" + "".join(f"{statement};\n" for statement in statements)
