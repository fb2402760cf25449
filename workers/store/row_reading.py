"""Records out of the rows of a statement: on PostgreSQL straight from the driver, which has their values ready.

SQLAlchemy asks each value's column what becomes of it, a third of the time that reading a customer takes; here that is
known for each class once. The statements are SQLAlchemy's, and so are the errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Row
from workers.store import tables

R = TypeVar("R", bound=Row)
Words = Mapping[str | None, object]


def read_records(
    connection: Connection, kind: type[R], statement: sa.Select[Any], values: Mapping[str, object]
) -> list[R]:
    """Return the rows of a statement as records of a class, whose columns it selects in their order."""
    result = connection.execute(statement, values)
    if connection.dialect.name == "sqlite" or result.cursor is None:
        return [kind(*row) for row in result.all()]
    rows = result.cursor.fetchall()
    result.close()
    return as_records(kind, rows)


def as_records(kind: type[R], rows: Sequence[Sequence[Any]]) -> list[R]:
    """Return the driver's rows as records: ids as texts and instants in UTC as they are, states as their words."""
    states = STATES[kind]
    if not states:
        return [kind(*row) for row in rows]
    records = []
    for row in rows:
        values = list(row)
        for place, words in states:
            values[place] = words[values[place]]
        records.append(kind(*values))
    return records


def states_of(kind: type[Row]) -> tuple[tuple[int, Words], ...]:
    """Return where the states of a class stand, each with its words by their text."""
    columns = [tables.of(kind).c[field.name].type for field in fields(kind)]
    return tuple(
        (place, {None: None, **{str(word): word for word in column.words}})
        for place, column in enumerate(columns)
        if isinstance(column, tables.State)
    )


STATES = {kind: states_of(kind) for kind in tables.WRITE_ORDER}
