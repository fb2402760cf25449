"""Fills a database with as many customers as wanted: the year of a demo, again and again, under other names.

Every row is one that the product wrote, through the product's own schema, so all sums of the books hold. What makes a
row unique (our ids, the CRM's id, event ids, address hashes, ticket numbers) bears the number of its copy. COPY on
PostgreSQL, many rows a statement on SQLite.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from workers.store import tables as t
from workers.store.bulk import quoted
from workers.store.controls import DEMO
from workers.store.engine import Store

OUR_ID = re.compile(r"\b([0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{4})[0-9a-f]{8}\b")
"""An id of ours (UUIDv8): its last 32 bits give way to the copy's number, 42 random ones before them stay."""
COPY_MARK = "\x01"
"""Stands for the copy's number as eight hexadecimal digits; no text of a demo holds this character."""
NUMBER_MARK = "\x02"
"""Stands for the copy's number as six decimal digits, behind a ticket's number."""
NAMED_APART: dict[str, frozenset[str]] = {
    "customer": frozenset({"crm_id"}),
    "inbox": frozenset({"event_id"}),
    "journey": frozenset({"event"}),
    "stop": frozenset({"event"}),
    "response": frozenset({"external_id"}),
    "ticket_entry": frozenset({"event_id"}),
    "suppression": frozenset({"address"}),
    "former_address": frozenset({"address"}),
    "asked_mailbox": frozenset({"mailbox"}),
    "dead_letter": frozenset({"event_id", "digest"}),
}
"""Texts that are a customer's own."""
REPEATED = frozenset(
    [table.name for table in map(t.of, t.WRITE_ORDER)] + ["dispatch_body", "received", "response_theme", "told"]
)
"""Tables whose rows come once for each copy; what else has rows is the installation's, and comes once."""
LEFT_OUT = frozenset(
    {
        "session",
        "role_lease",
        "running_count",
        "count_change",
        "report_change",
        "asked_cell",
        "answer_cell",
        "followed_cell",
        "outbox",
        "consumed",
    }
)
CHUNK = 50
"""Copies written in one transaction."""


def fill(source: Path, target: Store, customers: int) -> int:
    """Write copies of a demo's database into an empty migrated one until it has so many customers; return how many.

    The source's rows are read once; each copy is a replacement in their text.
    """
    known = tables_of(source)
    own = next(len(rows) for table, rows in known if table.name == "customer")
    copies = -(-customers // own)
    for table, rows in known:
        count = copies if table.name in REPEATED else 1
        if table.name not in REPEATED:
            with target.engine.begin() as connection:  # what a migration wrote, such as where a counter begins
                connection.execute(sa.delete(table))
        for begin in range(0, count, CHUNK):
            write(target, table, rows, range(begin, min(begin + CHUNK, count)))
    with target.engine.begin() as connection:
        connection.execute(sa.delete(t.control).where(t.control.c.name == DEMO))  # else no role starts on it
    go_on_counting(target)
    analyse(target)
    return own * copies


def tables_of(source: Path) -> list[tuple[sa.Table, list[list[str | None]]]]:
    """Return the rows of each table with any, as texts with marks."""
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as connection:
        found = []
        for table in t.metadata.sorted_tables:
            if table.name in LEFT_OUT:
                continue
            names = columns_of(table)
            rows = connection.execute(f'SELECT {quoted(names)} FROM "{table.name}"').fetchall()
            if rows:
                found.append(
                    (
                        table,
                        [[marked(table, name, value) for name, value in zip(names, row, strict=True)] for row in rows],
                    )
                )
        return found


def columns_of(table: sa.Table) -> list[str]:
    """Return the columns to copy; a key that counts by itself goes on counting."""
    counting = table.name == "received"
    return [column.name for column in table.columns if not (counting and column.primary_key)]


def marked(table: sa.Table, name: str, value: Any) -> str | None:
    """Return a value as text, with a mark where a copy differs; bytes as hexadecimal digits."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    text = str(value)
    if table.name not in REPEATED:
        return text
    if table.name == "ticket" and name == "number":
        return text + NUMBER_MARK
    text = OUR_ID.sub(r"\1" + COPY_MARK, text)
    return f"{text}-{COPY_MARK}" if name in NAMED_APART.get(table.name, ()) and text else text


def write(target: Store, table: sa.Table, rows: Sequence[Sequence[str | None]], copies: range) -> None:
    """Write some copies of a table's rows."""
    if target.sqlite:
        names = columns_of(table)
        binary = [isinstance(table.c[name].type, sa.LargeBinary) for name in names]
        statement = f'INSERT INTO "{table.name}" ({quoted(names)}) VALUES ({", ".join("?" for _ in names)})'
        with target.engine.begin() as connection:
            for copy in copies:
                connection.exec_driver_sql(statement, list(numbered(rows, binary, copy)))
        return
    text = "\n".join("\t".join(map(for_copy, columns(table), row)) for row in rows) + "\n"
    statement = f'COPY "{table.name}" ({quoted(columns_of(table))}) FROM STDIN'
    with target.engine.begin() as connection:
        raw: psycopg.Connection[Any] = connection.connection.dbapi_connection  # type: ignore[assignment]  # our driver
        with raw.cursor() as cursor, cursor.copy(statement.encode()) as stream:
            for copy in copies:
                stream.write(text.replace(COPY_MARK, f"{copy:08x}").replace(NUMBER_MARK, f"{copy:06d}"))


def columns(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the columns that are copied."""
    return [table.c[name] for name in columns_of(table)]


def numbered(rows: Sequence[Sequence[str | None]], binary: Sequence[bool], copy: int) -> Iterator[tuple[Any, ...]]:
    """Give the rows of one copy as SQLite takes them."""
    here, number = f"{copy:08x}", f"{copy:06d}"
    for row in rows:
        yield tuple(
            None
            if value is None
            else bytes.fromhex(value[2:])
            if is_binary
            else value.replace(COPY_MARK, here).replace(NUMBER_MARK, number)
            for value, is_binary in zip(row, binary, strict=True)
        )


def for_copy(column: sa.Column[Any], value: str | None) -> str:
    """Return a value as COPY's text format has it."""
    if value is None:
        return "\\N"
    if isinstance(column.type, sa.Boolean):
        return "t" if value == "1" else "f"
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def go_on_counting(target: Store) -> None:
    """Let keys that count by themselves go on behind the rows that were copied with theirs."""
    if target.sqlite:
        return
    with target.engine.begin() as connection:
        for table in t.metadata.sorted_tables:
            for column in table.primary_key:
                if column.autoincrement is True:
                    sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
                    highest = f"(SELECT coalesce(max({column.name}), 0) + 1 FROM {table.name})"
                    connection.exec_driver_sql(f"SELECT setval({sequence}, {highest}, false)")


def analyse(target: Store) -> None:
    """Let the database learn what it holds, as it would by itself within minutes, and count by itself further on."""
    with target.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if target.sqlite else "VACUUM ANALYZE")
