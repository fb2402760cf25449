"""`python -m bench.migrating`: how long roles wait while a large database of 0.1.0 is brought to this release.

The kept dump of 0.1.0 is copied, under other names, until there are so many touchpoints and as many mails. While
`migrate` runs, one thread for each table that roles write to goes on changing a row of it, a transaction each, as roles
do. It tells the longest that any of them waited, by table, and which schema the database had then. PostgreSQL alone:
SQLite is migrated by its one process before it begins.
"""

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from workers import devservices
from workers.store.engine import Store
from workers.store.patience import Patience
from workers.usecases.operation import migrate

DUMP = Path(__file__).parents[1] / "tests" / "store" / "boucle-0.1.0-postgresql.sql"
WRITTEN = {
    "customer": "name = name",
    "touchpoint": "detail = detail",
    "dispatch": "detail = detail",
    "survey_request": "state = state",
    "response": "comment = comment",
    "inbox": "type = type",
}
"""Tables that roles write to all the time, and a change that changes nothing."""
OWN_NAMES = {
    "customer": {"crm_id"},
    "inbox": {"event_id"},
    "response": {"external_id"},
    "ticket_entry": {"event_id"},
    "suppression": {"address"},
    "journey": {"event"},
}
"""Texts that are one customer's own."""
COPIED = (
    "customer",
    "journey",
    "touchpoint",
    "survey_request",
    "click",
    "response",
    "response_revision",
    "decision",
    "action",
    "ticket",
    "ticket_entry",
    "dispatch",
    "dispatch_body",
    "history",
    "inbox",
    "received",
    "stop",
    "suppression",
)
WANTED_SECONDS = 60.0
PREPARE_SECONDS = 7_200.0
A_CHUNK = 20_000
"""Copies written in one statement."""
PAUSE_SECONDS = 0.01


@dataclass(slots=True)
class Wait:
    """The longest that somebody waited for one table, and in which schema the database was then."""

    seconds: float = 0.0
    schema: int = 0
    transactions: int = 0


@dataclass(slots=True)
class Watch:
    """What those who write meanwhile waited, table by table."""

    url: str
    waits: dict[str, Wait] = field(default_factory=lambda: {table: Wait() for table in WRITTEN})
    done: threading.Event = field(default_factory=threading.Event)

    def write(self, table: str) -> None:
        """Change a row of a table again and again, and keep the longest that it took."""
        wait = self.waits[table]
        change = f"UPDATE {table} SET {WRITTEN[table]} WHERE ctid = (SELECT ctid FROM {table} LIMIT 1)"
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.done.wait(PAUSE_SECONDS):
                began = time.monotonic()
                connection.execute(change.encode())
                took = time.monotonic() - began
                wait.transactions += 1
                if took > wait.seconds:
                    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
                    wait.seconds, wait.schema = round(took, 2), int(row[0]) if row else 0


@contextmanager
def writing(url: str) -> Iterator[Watch]:
    """Let somebody write to each table meanwhile."""
    watch = Watch(url)
    threads = [threading.Thread(target=watch.write, args=(table,)) for table in WRITTEN]
    for thread in threads:
        thread.start()
    try:
        yield watch
    finally:
        watch.done.set()
        for thread in threads:
            thread.join()


def filled(url: str, touchpoints: int) -> dict[str, int]:
    """Load the dump, copy it until there are so many touchpoints, and return how many rows each table has."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(DUMP.read_bytes())
        connection.execute("SET search_path = public")
        copies = -(-touchpoints // count(connection, "touchpoint"))
        for table in COPIED:
            connection.execute(sql.SQL("CREATE TEMP TABLE {} AS TABLE {}").format(of(f"own_{table}"), of(table)))
            for first in range(1, copies, A_CHUNK):
                statement = copying(connection, table)
                connection.execute(statement, {"first": first, "last": min(first + A_CHUNK, copies) - 1})
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        return {table: count(connection, table) for table in COPIED}


def of(name: str) -> sql.Identifier:
    """Return a name as SQL has it."""
    return sql.Identifier(name)


def count(connection: psycopg.Connection[tuple[object, ...]], table: str) -> int:
    """Return how many rows a table has."""
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(of(table))).fetchone()
    return int(str(row[0])) if row else 0


COLUMNS = """SELECT column_name, data_type FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = %s AND column_default IS NULL AND is_identity = 'NO'
    ORDER BY ordinal_position"""


def copying(connection: psycopg.Connection[tuple[object, ...]], table: str) -> sql.Composed:
    """Return the statement that copies a table's own rows under other names."""
    columns = [(str(name), str(kind)) for name, kind in connection.execute(COLUMNS, (table,))]
    values = [value_of(table, name, kind) for name, kind in columns]
    return sql.SQL(
        "INSERT INTO {} ({}) SELECT {} FROM {} CROSS JOIN generate_series(%(first)s::int, %(last)s::int) AS copy"
    ).format(
        of(table),
        sql.SQL(", ").join(of(name) for name, _ in columns),
        sql.SQL(", ").join(values),
        of(f"own_{table}"),
    )


def value_of(table: str, name: str, kind: str) -> sql.Composable:
    """Return what a copy has in a column: ids and names of its own, and else the same."""
    if kind == "uuid":
        return sql.SQL("md5({}::text || copy)::uuid").format(of(name))
    if name in OWN_NAMES.get(table, ()):
        return sql.SQL("{} || '-' || copy").format(of(name))
    if (table, name) == ("ticket", "number"):
        return sql.SQL("{} + copy * 1000").format(of(name))
    return of(name)


def address(server: str, name: str) -> str:
    """Return the address of a database of a server."""
    head, question, query = server.partition("?")
    return head.rpartition("/")[0] + "/" + name + question + query


def run(touchpoints: int) -> dict[str, object]:
    """Fill, migrate, and return what it took."""
    with tempfile.TemporaryDirectory(prefix="boucle-migrating-") as folder:
        home = Path(folder)
        try:
            server = devservices.up(home, ["postgres"])["postgres"]
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute("CREATE DATABASE migrating")
            url = address(server, "migrating")
            began = time.monotonic()
            rows = filled(url, touchpoints)
            filled_in = time.monotonic() - began
            store = Store(url, Patience(statement=PREPARE_SECONDS))
            with writing(url) as watch:
                began = time.monotonic()
                migrate.run_revisions(store)
                revised = time.monotonic() - began
                migrate.migrate(store)
                took = time.monotonic() - began
            store.close()
        finally:
            devservices.down(home, discard=True)
    return {
        "rows": rows,
        "filled_in": round(filled_in, 1),
        "revisions_seconds": round(revised, 1),
        "all_seconds": round(took, 1),
        "longest_wait": max(wait.seconds for wait in watch.waits.values()),
        "waits": {table: [wait.seconds, wait.schema, wait.transactions] for table, wait in watch.waits.items()},
    }


def as_text(told: dict[str, object]) -> str:
    """Return the result for a terminal."""
    rows, waits = told["rows"], told["waits"]
    assert isinstance(rows, dict)
    assert isinstance(waits, dict)
    size = f"{sum(rows.values()):,} rows, {rows['touchpoint']:,} touchpoints and {rows['dispatch']:,} mails"
    lines = [
        f"{size}: revisions {told['revisions_seconds']} s, with keys and numbers {told['all_seconds']} s",
        f"the longest that somebody waited: {told['longest_wait']} s (wanted: below {WANTED_SECONDS:g})",
    ]
    lines += [
        f"  {table:16} {seconds:>7} s, when the schema was {schema} ({transactions:,} transactions)"
        for table, (seconds, schema, transactions) in waits.items()
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and fail where somebody waited for longer than is wanted."""
    parser = argparse.ArgumentParser(prog="python -m bench.migrating", description=__doc__)
    parser.add_argument("--touchpoints", type=int, default=200_000, help="of the database of 0.1.0, and as many mails")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    told = run(arguments.touchpoints)
    print(json.dumps(told) if arguments.format == "json" else as_text(told))
    return 0 if float(str(told["longest_wait"])) < WANTED_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
