"""Records out of the rows of a statement, straight from the driver.

SQLAlchemy asks each value's column what becomes of it, a third of the time that reading a customer takes; here that is
known for each class once. PostgreSQL's driver has ids and instants ready, SQLite's gives texts and numbers, and takes
the statements straight as well: running one there takes less time than preparing it. The statements are SQLAlchemy's,
and so are the errors.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Row
from workers.store import tables
from workers.store.round_trips import ask

R = TypeVar("R", bound=Row)
Ways = Sequence[tuple[int, Callable[[Any], object]]]
"""Which columns of a class are not as the driver gives them, each with what makes its value."""


def read_records(
    connection: Connection, kind: type[R], statement: sa.Select[Any], values: Mapping[str, object]
) -> list[R]:
    """Return the rows of a statement as records of a class, whose columns it selects in their order."""
    if connection.dialect.name == "sqlite":
        return as_records(kind, ask(connection, statement, values), is_sqlite=True)
    result = connection.execute(statement, values)
    if result.cursor is None:
        return [kind(*row) for row in result.all()]
    rows = result.cursor.fetchall()
    result.close()
    return as_records(kind, rows)


def as_records(kind: type[R], rows: Sequence[Sequence[Any]], *, is_sqlite: bool = False) -> list[R]:
    """Return the driver's rows as records: ids as texts, instants in UTC, states as their words."""
    ways = (OF_SQLITE if is_sqlite else OF_POSTGRESQL)[kind]
    if not ways:
        return [kind(*row) for row in rows]
    records = []
    for row in rows:
        values = list(row)
        for place, read in ways:
            value = values[place]
            if value is not None:
                values[place] = read(value)
        records.append(kind(*values))
    return records


def ways_of(kind: type[Row], *, is_sqlite: bool) -> Ways:
    """Return what becomes of the columns of a class that are not as the driver gives them; null is None always."""
    columns = [tables.of(kind).c[name].type for name in kind.names()]
    ways = ((place, way_of(column, is_sqlite=is_sqlite)) for place, column in enumerate(columns))
    return tuple((place, way) for place, way in ways if way is not None)


def way_of(column: sa.types.TypeEngine[Any], *, is_sqlite: bool) -> Callable[[Any], object] | None:
    """Return what makes the value of a column from what the driver gives; None where that is the value."""
    if isinstance(column, tables.State):
        words: Mapping[str, object] = {str(word): word for word in column.words}
        return words.__getitem__
    if not is_sqlite:
        return None
    if isinstance(column, tables.Instant):
        return datetime.fromisoformat
    if isinstance(column, sa.JSON):
        return orjson.loads
    return bool if isinstance(column, sa.Boolean) else None


OF_POSTGRESQL = {kind: ways_of(kind, is_sqlite=False) for kind in tables.WRITE_ORDER}
OF_SQLITE = {kind: ways_of(kind, is_sqlite=True) for kind in tables.WRITE_ORDER}
