"""Fills a database with as many customers as wanted: the year of a demo, again and again, under other names.

Every row is one that the product wrote, through the product's own schema, so all sums of the books hold. What makes a
row unique (our ids, the CRM's id, event ids, address hashes, ticket numbers) bears the number of its copy; a customer's
id is made of the CRM's, as the product makes it, so that the next event of a copied customer finds them. COPY on
PostgreSQL, many rows a statement on SQLite.
"""

import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from workers.domain.customer.profile import customer_id
from workers.domain.types import Ids
from workers.store import tables as t
from workers.store.bulk import quoted
from workers.store.controls import DEMO
from workers.store.engine import Store

OUR_ID = re.compile(r"\b([0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{4})[0-9a-f]{8}\b")
"""An id of ours (UUIDv8): its last 32 bits give way to the copy's number, 42 random ones before them stay."""
COPY_MARK = "\x01"
"""Stands for the copy's number as eight hexadecimal digits; no text of a demo holds this character."""
CUSTOMER = re.compile("\x03([0-9]+)\x03")
"""Stands for the id of a customer whom the CRM knows, by the place of that customer among them."""
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


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a copy's marks stand for: the copy's number, and the ids of its customers, in the order of the source's."""

    crm_ids: Sequence[str]
    ids: Ids

    def written(self, text: str, copy: int) -> str:
        """Return a text of the source as a copy has it."""
        here = f"{copy:08x}"
        keys = [customer_id(f"{crm_id}-{here}", self.ids) for crm_id in self.crm_ids] if "\x03" in text else []
        text = text.replace(COPY_MARK, here).replace(NUMBER_MARK, f"{copy:06d}")
        return CUSTOMER.sub(lambda found: keys[int(found[1])], text)


def fill(
    source: Path,
    target: Store,
    customers: int,
    ids: Ids,
    *,
    beside: bool = False,
    left_out: Collection[str] = (),
) -> int:
    """Write copies of a demo's database into an empty migrated one until it has so many customers; return how many.

    The source's rows are read once; each copy is a replacement in their text. `ids` are those of the installation that
    will run on it. With `beside` the database may hold another source's copies, and what is the installation's stays.
    """
    named, known = tables_of(source)
    if strangers := [crm_id for key, crm_id in named if customer_id(crm_id, ids) != key]:
        raise ValueError(f"{len(strangers)} customers of {source} have ids of another key")
    numbers = Numbers([crm_id for _, crm_id in named], ids)
    own = next(len(rows) for table, rows in known if table.name == "customer")
    copies = -(-customers // own)
    for table, rows in known:
        if table.name in left_out or (beside and table.name not in REPEATED):
            continue
        count = copies if table.name in REPEATED else 1
        if table.name not in REPEATED:
            with target.engine.begin() as connection:  # what a migration wrote, such as where a counter begins
                connection.execute(sa.delete(table))
        for begin in range(0, count, CHUNK):
            write(target, table, rows, range(begin, min(begin + CHUNK, count)), numbers)
    with target.engine.begin() as connection:
        connection.execute(sa.delete(t.control).where(t.control.c.name == DEMO))  # else no role starts on it
    go_on_counting(target)
    analyse(target)
    return own * copies


Rows = list[list[str | None]]


def tables_of(source: Path) -> tuple[list[tuple[str, str]], list[tuple[sa.Table, Rows]]]:
    """Return a source's customers by our id and the CRM's, and the rows of each table with any, as texts with marks."""
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as connection:
        named = connection.execute("SELECT id, crm_id FROM customer WHERE crm_id <> '' ORDER BY id").fetchall()
        places = {key: place for place, (key, _) in enumerate(named)}
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
                        [
                            [marked(table, name, value, places) for name, value in zip(names, row, strict=True)]
                            for row in rows
                        ],
                    )
                )
        return named, found


def columns_of(table: sa.Table) -> list[str]:
    """Return the columns to copy; a key that counts by itself goes on counting."""
    counting = table.name == "received"
    return [column.name for column in table.columns if not (counting and column.primary_key)]


def marked(table: sa.Table, name: str, value: Any, places: Mapping[str, int]) -> str | None:
    """Return a value as text, with a mark where a copy differs; bytes as hexadecimal digits.

    `places` are those of the source's customers by their ids.
    """
    if value is None:
        return None
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    text = str(value)
    if table.name not in REPEATED:
        return text
    if table.name == "ticket" and name == "number":
        return text + NUMBER_MARK

    def mark(found: re.Match[str]) -> str:
        place = places.get(found[0])
        return found[1] + COPY_MARK if place is None else f"\x03{place}\x03"

    text = OUR_ID.sub(mark, text)
    return f"{text}-{COPY_MARK}" if name in NAMED_APART.get(table.name, ()) and text else text


def write(target: Store, table: sa.Table, rows: Rows, copies: range, numbers: Numbers) -> None:
    """Write some copies of a table's rows."""
    if target.sqlite:
        names = columns_of(table)
        binary = [isinstance(table.c[name].type, sa.LargeBinary) for name in names]
        statement = f'INSERT INTO "{table.name}" ({quoted(names)}) VALUES ({", ".join("?" for _ in names)})'
        with target.engine.begin() as connection:
            for copy in copies:
                connection.exec_driver_sql(statement, list(numbered(rows, binary, copy, numbers)))
        return
    text = "\n".join("\t".join(map(for_copy, columns(table), row)) for row in rows) + "\n"
    statement = f'COPY "{table.name}" ({quoted(columns_of(table))}) FROM STDIN'
    with target.engine.begin() as connection:
        raw: psycopg.Connection[Any] = connection.connection.dbapi_connection  # type: ignore[assignment]  # our driver
        with raw.cursor() as cursor, cursor.copy(statement.encode()) as stream:
            for copy in copies:
                stream.write(numbers.written(text, copy))


def columns(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the columns that are copied."""
    return [table.c[name] for name in columns_of(table)]


SEPARATOR = "\x04"
"""Between the values of one copy's rows while their marks give way all at once; no text of a demo holds it."""


def numbered(rows: Rows, binary: Sequence[bool], copy: int, numbers: Numbers) -> Iterator[tuple[Any, ...]]:
    """Give the rows of one copy as SQLite takes them."""
    together = SEPARATOR.join(value or "" for row in rows for value in row)
    values = iter(numbers.written(together, copy).split(SEPARATOR))
    for row in rows:
        yield tuple(
            None if value is None else bytes.fromhex(here[2:]) if is_binary else here
            for value, is_binary, here in zip(row, binary, values)  # noqa: B905  # strict would take one value too many
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
