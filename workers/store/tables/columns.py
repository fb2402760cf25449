"""What columns hold and how a table is made: of the fields of its record class, or column by column."""

import types
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.operators import OperatorType

from workers.domain.records import AskedMailbox, Inbox, Row

metadata = sa.MetaData()

INSTANT_TEXT = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Fixed width, so that SQLite's text order is the order in time."""


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment: refuses naive times, stores UTC (timestamptz on PostgreSQL, fixed-width text on SQLite)."""

    impl = sa.String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.DateTime(timezone=True))
        return dialect.type_descriptor(sa.String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return what is stored. Raises ValueError for a naive time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone: only instants are stored")
        if dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"  # as INSTANT_TEXT, faster

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value if value.tzinfo is UTC else value.astimezone(UTC)
        return datetime.fromisoformat(value)


class Written(sa.types.TypeDecorator.Comparator[StrEnum]):
    """Compares a state with words that stand in the statement, as those of `one_of`.

    SQLite plans a statement anew each time it runs where a parameter is compared with what a partial index is about.
    """

    def operate(self, op: OperatorType, *other: Any, **more: Any) -> sa.ColumnElement[Any]:
        written = (sa.literal_column(f"'{value}'") if isinstance(value, StrEnum) else value for value in other)
        return super().operate(op, *written, **more)


class State(sa.types.TypeDecorator[StrEnum]):
    """One of an enumeration's words, stored as its text."""

    impl = sa.String(24)
    cache_ok = True
    comparator_factory = Written

    def __init__(self, words: type[StrEnum]) -> None:
        self.words = words
        super().__init__()

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.words(value)


def one_of(column: sa.ColumnElement[Any], words: Iterable[StrEnum]) -> sa.ColumnElement[bool]:
    """Return the test whether a state is one of these, written out: a partial index answers constants only."""
    written: list[sa.ColumnElement[Any]] = [sa.literal_column(f"'{word}'") for word in words]
    return column == written[0] if len(written) == 1 else column.in_(written)


Key = sa.Uuid(as_uuid=False).with_variant(sa.String(36), "sqlite")
Document = sa.JSON().with_variant(JSONB(), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

KEY_COLUMNS = frozenset(
    {
        "id",
        "customer",
        "journey",
        "request",
        "response",
        "action",
        "ticket",
        "testimonial",
        "merged_into",
        "parent",
        "dialogue",
    }
)
"""Columns that hold one of our derived ids."""


PLAIN: dict[object, sa.types.TypeEngine[Any]] = {
    int: Number,
    bool: sa.Boolean(),
    float: sa.Float(),
    bytes: sa.LargeBinary(),
}


def column(name: str, annotation: object) -> sa.Column[Any]:
    """Return the column for a field: its type follows from the annotation, an id's from its name."""
    inner, nullable = annotation, False
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        inner, nullable = kinds[0], True
    inner = getattr(inner, "__supertype__", inner)
    if get_origin(inner) is dict:
        kind: sa.types.TypeEngine[Any] = Document
    elif inner is datetime:
        kind = Instant()
    elif isinstance(inner, type) and issubclass(inner, StrEnum):
        kind = State(inner)
    elif inner is str:
        kind = Key if name in KEY_COLUMNS else sa.Text()
    else:
        kind = PLAIN[inner]
    return sa.Column(name, kind, nullable=nullable, autoincrement=False)


def table(row: type[Row], *more: sa.schema.SchemaItem) -> sa.Table:
    """Return the table of a record class, with its indexes and unique keys; its primary key names the customer."""
    hints = get_type_hints(row)
    columns = [column(name, hints[name]) for name in row.names()]
    return sa.Table(row.TABLE, metadata, *columns, sa.PrimaryKeyConstraint(*key_of(row)), *more)


def key_of(row: type[Row]) -> tuple[str, ...]:
    """Return the primary key of a record class's table: what tells its rows apart, and whose they are.

    The customer comes last: an id alone is looked up by the same index. Of an event nobody knows whose it is before
    it was found, and of what a mailbox was asked it is what is looked for.
    """
    owner = () if row in (Inbox, AskedMailbox) or "customer" not in get_type_hints(row) else ("customer",)
    return tuple(dict.fromkeys((*row.KEY, *owner)))


def where(condition: str) -> dict[str, Any]:
    """Return a partial index's condition for both engines."""
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}
