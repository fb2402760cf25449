"""Many rows at once: COPY on PostgreSQL, one statement with many rows on SQLite; the same rows, the same collisions.

Works a column at a time, because that costs the processor a quarter of a row at a time through SQLAlchemy; what a value
becomes follows from its column's type, as in tables/columns.py. Decides nothing; apply.py and new_rows.py call it.
"""

import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter, is_not
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from workers.domain.records import Row
from workers.store import tables
from workers.store.engine import array_text, to_json
from workers.store.sent_ahead import as_raised, driver_of, run, wait
from workers.store.tables.placement import BY_CUSTOMER

SPECIAL = re.compile(r"[\\\t\n\r]")
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
"""COPY's text format: backslash escapes, tabs between columns."""
NULL = "\\N"
INSTANTS_KEPT = 8192
"""More than the different instants of a batch."""

T = TypeVar("T")
Values = list[Any]
Convert = Callable[[Values], Values]


@dataclass(frozen=True, slots=True)
class Shape:
    """How the rows of one class travel: their columns, and what becomes of each column's values by the way they go."""

    table: str
    names: tuple[str, ...]
    key: tuple[str, ...]
    placed_by: str
    for_copy: tuple[Convert, ...]
    for_sqlite: Mapping[str, Convert]
    for_arrays: Mapping[str, Callable[[Values], str]]
    types: Mapping[str, str]

    @property
    def rest(self) -> list[str]:
        """Return the columns that are no part of the key."""
        return [name for name in self.names if name not in self.key]


def shape_of(kind: type[Row]) -> Shape:
    """Return the shape of a record class: its field names are its table's columns."""
    names = kind.names()
    columns = [tables.of(kind).c[name].type for name in names]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    return Shape(
        kind.TABLE,
        names,
        tuple(column.name for column in tables.of(kind).primary_key),
        BY_CUSTOMER.get(tables.of(kind), ""),
        tuple(map(copied, columns)),
        dict(zip(names, map(lite, columns), strict=True)),
        dict(zip(names, map(as_array, columns), strict=True)),
        {name: column.compile(dialect) for name, column in zip(names, columns, strict=True)},
    )


def columns_of(rows: Sequence[Row], names: Iterable[str], ways: Iterable[Callable[[Values], T]]) -> Iterable[T]:
    """Convert column by column, which is faster than row by row."""
    return (way(list(map(attrgetter(name), rows))) for name, way in zip(names, ways, strict=True))


def lite_values(rows: Sequence[Row], shape: Shape, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the values of some columns, by row, as SQLite takes them."""
    return list(zip(*columns_of(rows, names, map(shape.for_sqlite.__getitem__, names)), strict=True))


def arrays(rows: Sequence[Row], shape: Shape, names: Sequence[str]) -> Iterable[str]:
    """Give the values of each of some columns as the text of one array."""
    return columns_of(rows, names, map(shape.for_arrays.__getitem__, names))


def insert_many(connection: Connection, kind: type[Row], rows: Sequence[Row]) -> None:
    """Insert new rows; a key that is stored already raises IntegrityError, as with any insert."""
    shape = SHAPES[kind]
    if connection.dialect.name == "postgresql":
        copy(connection, shape, rows)
    else:
        connection.exec_driver_sql(insert_text(shape), lite_values(rows, shape, shape.names))


def columns_changed(kind: type[Row], rows: Sequence[Row], stored: Mapping[tuple[object, ...], Row]) -> list[str]:
    """Return the columns, but those of the key, in which some row is not as stored; all where that is not known of one.

    A value is the same that is the same object: rows are copied with what stays, and others are written for nothing.
    """
    shape = SHAPES[kind]
    before = [stored.get(row.key()) for row in rows]
    if any(row is None for row in before):
        return shape.rest
    getters = ((name, attrgetter(name)) for name in shape.rest)
    return [name for name, value in getters if any(map(is_not, map(value, rows), map(value, before)))]


def update_many(connection: Connection, kind: type[Row], rows: Sequence[Row], names: Sequence[str]) -> None:
    """Set some columns of stored rows, which are no part of the key."""
    if not names:
        return
    shape = SHAPES[kind]
    if connection.dialect.name == "postgresql":
        owner = attrgetter(shape.placed_by) if shape.placed_by else None
        owners = (array_text(set(map(owner, rows)) - {None}),) if owner else ()
        values = (*arrays(rows, shape, (*shape.key, *names)), *owners)
        run(connection, update_from_arrays(shape, names), values, prepare=False)
    else:
        connection.exec_driver_sql(update_text(shape, names), lite_values(rows, shape, (*names, *shape.key)))


def keep_many(connection: Connection, kind: type[Row], rows: Sequence[Row]) -> None:
    """Insert new rows; one that is stored already stays as it is."""
    shape = SHAPES[kind]
    if connection.dialect.name == "postgresql":
        run(connection, keep_from_arrays(shape), tuple(arrays(rows, shape, shape.names)))
        return
    keeping = f"{insert_text(shape)} ON CONFLICT DO NOTHING"
    connection.exec_driver_sql(keeping, lite_values(rows, shape, shape.names))


def quoted(names: Iterable[str]) -> str:
    """Return names as a list of columns; some of ours are words of SQL."""
    return ", ".join(f'"{name}"' for name in names)


def insert_text(shape: Shape) -> str:
    return f'INSERT INTO "{shape.table}" ({quoted(shape.names)}) VALUES ({", ".join("?" for _ in shape.names)})'


def update_text(shape: Shape, names: Sequence[str]) -> str:
    """Return SQLite's update of single rows."""
    changes = ", ".join(f'"{name}" = ?' for name in names)
    return f'UPDATE "{shape.table}" SET {changes} WHERE ' + " AND ".join(f'"{name}" = ?' for name in shape.key)


def news_from_arrays(shape: Shape, names: Sequence[str]) -> str:
    """Return PostgreSQL's way to read many rows from an array for each column: one statement to send and to plan.

    One JSON text of all rows takes it three times as long to read.
    """
    typed = ", ".join(f"%s::{shape.types[name]}[]" for name in names)
    return f"unnest({typed}) AS news({quoted(names)})"


def keep_from_arrays(shape: Shape) -> str:
    """Return PostgreSQL's insert of many rows that leaves stored ones as they are."""
    names, news = quoted(shape.names), news_from_arrays(shape, shape.names)
    return f'INSERT INTO "{shape.table}" ({names}) SELECT {names} FROM {news} ON CONFLICT DO NOTHING'


def update_from_arrays(shape: Shape, names: Sequence[str]) -> str:
    """Return PostgreSQL's update of some columns of many rows: of the key's columns, then of theirs, an array each.

    Of rows that lie by customer a last parameter names the customers: whatever way they are joined, no other
    partition is opened. It is for a plan that is made for its values: that for any values, which PostgreSQL takes for
    a statement that it sees often, would sort this list for each row.
    """
    changes = ", ".join(f'"{name}" = news."{name}"' for name in names)
    same = " AND ".join(f'old."{name}" = news."{name}"' for name in shape.key)
    here = f' AND old."{shape.placed_by}" = ANY(%s::uuid[])' if shape.placed_by else ""
    news = news_from_arrays(shape, (*shape.key, *names))
    return f'UPDATE "{shape.table}" AS old SET {changes} FROM {news} WHERE {same}{here}'


def copy(connection: Connection, shape: Shape, rows: Sequence[Row]) -> None:
    """Send rows by COPY."""
    values = zip(*columns_of(rows, shape.names, shape.for_copy), strict=True)
    copy_lines(connection, shape.table, shape.names, map("\t".join, values))


BODY = ("dispatch", "customer", "body", "return_path")
BINARY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
BINARY_END = b"\xff\xff"
"""COPY's binary format: its signature, no flags and no extension; rows of fields with their lengths; a last mark."""
BODY_HEAD = struct.Struct("!hi16si16si")
"""Of a body's row: four fields, the two ids with their lengths, and the length of the bytes."""


def copy_bodies(connection: Connection, bodies: Sequence[tuple[str, str, bytes, str]]) -> None:
    """Insert the bytes of dispatches, each with its customer before and its return path behind, many at once.

    In binary: as text each byte would be two digits to write, to send and to read.
    """
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql(f'INSERT INTO "dispatch_body" ({quoted(BODY)}) VALUES (?, ?, ?, ?)', list(bodies))
        return
    data = [BINARY_HEAD]
    for dispatch, owner, body, path in bodies:
        ends = path.encode()
        data += [BODY_HEAD.pack(4, 16, id_bytes(dispatch), 16, id_bytes(owner), len(body)), body]
        data += [len(ends).to_bytes(4, "big"), ends]
    data.append(BINARY_END)
    copy_data(connection, "dispatch_body", BODY, b"".join(data), " (FORMAT BINARY)")


def id_bytes(key: str) -> bytes:
    """Return the bytes of an id."""
    return bytes.fromhex(key.replace("-", ""))


def copy_lines(connection: Connection, table: str, names: Iterable[str], lines: Iterable[str]) -> None:
    """Send lines of COPY's text format."""
    copy_data(connection, table, names, "\n".join(lines) + "\n")


def copy_data(connection: Connection, table: str, names: Iterable[str], data: str | bytes, form: str = "") -> None:
    """Send data to COPY; its faults are raised as SQLAlchemy raises those of any statement."""
    statement = f'COPY "{table}" ({quoted(names)}) FROM STDIN{form}'
    import psycopg  # loads libpq, which a run on SQLite need not

    raw = driver_of(connection)
    wait(connection)
    try:
        with raw.cursor() as cursor, cursor.copy(statement.encode()) as stream:
            stream.write(data)
    except psycopg.Error as error:
        raise as_raised(connection, statement, error, psycopg.Error) from error


def each(convert: Callable[[Any], Any], null: object) -> Convert:
    """Return what converts a column value by value, and none into `null`."""
    return lambda values: [null if value is None else convert(value) for value in values]


def as_they_are(values: Values) -> Values:
    return values


def instant(value: datetime) -> datetime:
    """Return an instant in UTC. Raises ValueError for a naive time, like tables.Instant."""
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no time zone: only instants are stored")
    return value.astimezone(UTC)


@lru_cache(INSTANTS_KEPT)
def written_instant(value: datetime) -> str:
    """Return an instant as COPY and JSON take it; the same ones stand in many columns of a batch, and are kept."""
    return instant(value).isoformat()


@lru_cache(INSTANTS_KEPT)
def lite_instant(value: datetime) -> str:
    """Return an instant as tables.INSTANT_TEXT writes it, four times as fast."""
    return instant(value).isoformat(timespec="microseconds")[:26] + "Z"


def escaped(values: Values) -> Values:
    """Return a column of texts for COPY; most columns have nothing to escape."""
    unescaped = [NULL if value is None else value for value in values]
    if not SPECIAL.search("".join(filter(None, values))):
        return unescaped
    return [NULL if value is None else value.translate(ESCAPES) for value in values]


def copied(column: sa.types.TypeEngine[Any]) -> Convert:
    """Return what turns a column's values into COPY's text."""
    if isinstance(column, tables.Instant):
        return each(written_instant, NULL)
    if isinstance(column, sa.JSON):
        return each(copied_json, NULL)
    if isinstance(column, sa.Boolean):
        return each(lambda value: "t" if value else "f", NULL)
    if isinstance(column, sa.LargeBinary):
        return each(lambda value: "\\\\x" + value.hex(), NULL)
    if isinstance(column, sa.Integer | sa.Float):
        return each(repr, NULL)
    if isinstance(column, tables.State):
        return each(str, NULL)
    return escaped


def copied_json(value: object) -> str:
    """Return a document for COPY: JSON writes out every sign that COPY minds but the backslashes it does so with."""
    text = to_json(value)
    return text.replace("\\", "\\\\") if "\\" in text else text


def lite(column: sa.types.TypeEngine[Any]) -> Convert:
    """Return what turns a column's values into SQLite's."""
    if isinstance(column, tables.Instant):
        return each(lite_instant, None)
    if isinstance(column, sa.JSON):
        return each(to_json, None)
    if isinstance(column, tables.State):
        return each(str, None)
    return as_they_are


def as_array(column: sa.types.TypeEngine[Any]) -> Callable[[Values], str]:
    """Return what turns a column's values into PostgreSQL's text of an array."""
    if isinstance(column, tables.Instant):
        return unquoted(written_instant)
    if isinstance(column, sa.JSON):
        return lambda values: nullable_array([None if value is None else to_json(value) for value in values])
    if isinstance(column, sa.Boolean):
        return unquoted(lambda value: "t" if value else "f")
    if isinstance(column, sa.LargeBinary):
        return unquoted(lambda value: f'"\\\\x{value.hex()}"')
    if isinstance(column, sa.Integer | sa.Float):
        return unquoted(repr)
    return nullable_array


def unquoted(convert: Callable[[Any], str]) -> Callable[[Values], str]:
    """Return what makes an array of values whose texts need no quotes."""
    values_as = each(convert, "NULL")
    return lambda values: "{" + ",".join(values_as(values)) + "}"


def nullable_array(values: Values) -> str:
    """Return texts, some of which may be none, as an array; null is what has no quotes."""
    if None not in values:
        return array_text(values)
    return "{" + ",".join(["NULL" if value is None else array_text((value,))[1:-1] for value in values]) + "}"


SHAPES = {kind: shape_of(kind) for kind in tables.WRITE_ORDER}
